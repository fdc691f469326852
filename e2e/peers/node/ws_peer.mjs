// Node `ws` as backend and as client; README.md has the contract of the peers.
import {createHash, randomBytes} from 'node:crypto';
import {once} from 'node:events';
import {createServer} from 'node:http';
import {readFileSync} from 'node:fs';
import WebSocket, {WebSocketServer} from 'ws';

const MESSAGE_BYTES_MAX = 64 << 20;
const PROTOCOLS = ['chat.v2', 'chat.v1'];
const WAIT_MILLIS = 30_000;

function serve() {
  const ends = new Map();
  const http = createServer((request, response) => response.writeHead(404).end());
  const server = new WebSocketServer({
    server: http,
    maxPayload: MESSAGE_BYTES_MAX,
    perMessageDeflate: true,
    handleProtocols: offered => PROTOCOLS.find(protocol => offered.has(protocol)) ?? false,
  });
  server.on('connection', (socket, request) => {
    const id = new URL(request.url, 'http://peer').searchParams.get('id');
    socket.on('error', () => {});
    socket.on('close', (code, reason) => ends.set(id, code === 1006 ? 'abnormal' : `${code} ${reason}`));
    socket.on('pong', payload => socket.send(`pong ${payload}`));
    socket.on('message', (data, binary) => {
      const text = binary ? '' : data.toString();
      const [command, ...words] = text.split(' ');
      if (command === '/close') socket.close(Number(words[0]), words.slice(1).join(' '));
      else if (command === '/ping') socket.ping('hold');
      else if (command === '/abort') socket.terminate();
      else if (command === '/closed') socket.send(ends.get(words[0]) ?? 'none');
      else if (command === '/info')
        socket.send(JSON.stringify({
          protocol: socket.protocol,
          offered: request.headers['sec-websocket-extensions'] ?? '',
          path: request.url.replace(/id=[^&]*/, 'id='),
        }));
      else if (command === '/frag') {
        const parts = Number(words[0]);
        for (let i = 0; i < parts; i++) socket.send(`part-${i} `, {fin: i === parts - 1, compress: false});
      } else socket.send(data, {binary});
    });
  });
  http.listen(0, '127.0.0.1', () => console.log(JSON.stringify({port: http.address().port})));
}

class Client {
  constructor(url, protocols, deflate) {
    this.messages = [];
    this.waiting = [];
    this.socket = new WebSocket(url, protocols, {
      perMessageDeflate: deflate,
      maxPayload: MESSAGE_BYTES_MAX,
      ca: process.env.PEERS_CA && url.startsWith('wss') ? readFileSync(process.env.PEERS_CA) : undefined,
    });
    this.closed = new Promise(resolve =>
      this.socket.on('close', (code, reason) => resolve(code === 1006 ? 'abnormal' : `${code} ${reason}`)));
    this.socket.on('message', (data, binary) => {
      const message = binary ? data : data.toString();
      const next = this.waiting.shift();
      if (next) next(message);
      else this.messages.push(message);
    });
  }

  static async open(url, protocols = [], deflate = false) {
    const client = new Client(url, protocols, deflate);
    await once(client.socket, 'open');
    client.socket.on('error', () => {});
    return client;
  }

  next() {
    if (this.messages.length) return Promise.resolve(this.messages.shift());
    return new Promise((resolve, reject) => {
      this.waiting.push(resolve);
      this.closed.then(end => reject(new Error(`closed ${end}`)));
    });
  }

  ask(message, options) {
    this.socket.send(message, options ?? {});
    return this.next();
  }

  async close(code, reason) {
    this.socket.close(code, reason);
    return this.closed;
  }
}

const sha = data => createHash('sha1').update(data).digest('hex');
const same = (sent, got) => (sha(sent) === sha(got) ? `echo of ${sent.length}` : `other: ${got.length} of ${sent.length}`);

let ids = 0;
function target(url) {
  const id = `ws-${process.pid}-${++ids}`;
  return {id, url: `${url}?id=${id}&x=%20a`};
}

async function seen(url, id) {
  const client = await Client.open(target(url).url);
  const end = Date.now() + WAIT_MILLIS / 3;
  let answer = 'none';
  while (answer === 'none' && Date.now() < end) {
    answer = await client.ask(`/closed ${id}`);
    if (answer === 'none') await new Promise(resolve => setTimeout(resolve, 20));
  }
  await client.close(1000);
  return answer;
}

// Each check opens what it needs and returns what it saw.
const checks = {
  async handshake(url) {
    const client = await Client.open(target(url).url, ['chat.v1', 'chat.v2', 'other']);
    const result = `${client.socket.protocol} [${client.socket.extensions}] ${await client.ask('/info')}`;
    await client.close(1000);
    return result;
  },
  async 'no-protocol'(url) {
    const client = await Client.open(target(url).url);
    const result = `[${client.socket.protocol}] ${await client.ask('/info')}`;
    await client.close(1000);
    return result;
  },
  async text(url) {
    const client = await Client.open(target(url).url);
    const result = await client.ask('hÖld fäst ✓ 𝄞');
    await client.close(1000);
    return result;
  },
  async large(url) {
    const client = await Client.open(target(url).url);
    const results = [];
    for (const size of [0, 125, 126, 65_535, 65_536, 1 << 20, 8 << 20]) {
      const data = randomBytes(size);
      results.push(same(data, await client.ask(data)));
    }
    await client.close(1000);
    return results.join(', ');
  },
  async fragmented(url) {
    const client = await Client.open(target(url).url);
    const parts = [70_000, 1, 0, 300].map(size => randomBytes(size));
    parts.forEach((part, i) => client.socket.send(part, {binary: true, fin: i === parts.length - 1}));
    const result = same(Buffer.concat(parts), await client.next());
    await client.close(1000);
    return result;
  },
  async 'server-fragmented'(url) {
    const client = await Client.open(target(url).url);
    const result = await client.ask('/frag 5');
    await client.close(1000);
    return result;
  },
  async compressed(url) {
    const client = await Client.open(target(url).url, ['chat.v1'], true);
    const text = 'hold fast, whatever moves. '.repeat(40_000);
    const random = `noise ${randomBytes(100_000).toString('base64')}`; // A slash in front would be a command.
    const result = [
      `[${client.socket.extensions}]`, await client.ask('/info'), same(text, await client.ask(text)),
      same(random, await client.ask(random)), same(text, await client.ask(text)),
    ];
    await client.close(1000);
    return result.join(' ');
  },
  async ping(url) {
    const client = await Client.open(target(url).url);
    client.socket.ping('fast');
    const [payload] = await once(client.socket, 'pong');
    await client.close(1000);
    return `pong ${payload}`;
  },
  async 'server-ping'(url) {
    const client = await Client.open(target(url).url);
    const result = await client.ask('/ping');
    await client.close(1000);
    return result;
  },
  async abort(url) {
    const {id, url: to} = target(url);
    const client = await Client.open(to);
    await client.ask('before');
    client.socket.terminate();
    return `server saw ${await seen(url, id)}`;
  },
  async 'server-abort'(url) {
    const client = await Client.open(target(url).url);
    client.socket.send('/abort');
    return `client saw ${await client.closed}`;
  },
};
for (const [code, reason] of [[1000, 'bye'], [1001, ''], [3000, 'reason of 3000 ✓']]) {
  checks[`close-${code}`] = async url => {
    const {id, url: to} = target(url);
    const client = await Client.open(to);
    const own = await client.close(code, reason);
    return `client saw ${own}, server saw ${await seen(url, id)}`;
  };
  checks[`server-close-${code}`] = async url => {
    const {id, url: to} = target(url);
    const client = await Client.open(to);
    client.socket.send(`/close ${code} ${reason}`);
    return `client saw ${await client.closed}, server saw ${await seen(url, id)}`;
  };
}

// Says something and tells what came until the end.
async function watch(url) {
  const client = await Client.open(url);
  client.socket.send('hold');
  const end = await client.closed;
  const data = Buffer.concat(client.messages.map(message => Buffer.from(message)));
  return `${client.messages.length} messages, ${data.length} bytes, sha1 ${sha(data)}, client saw ${end}`;
}

async function main() {
  const [role, ...targets] = process.argv.slice(2);
  if (role === 'serve') return serve();
  for (const spec of targets) {
    const [label, url] = spec.split('=', 2);
    for (const [check, run] of Object.entries(role === 'client' ? checks : {[role]: watch})) {
      let timer;
      const late = new Promise((_, reject) => (timer = setTimeout(() => reject(new Error('timeout')), WAIT_MILLIS)));
      const result = await Promise.race([run(url), late]).catch(e => `error: ${e.message}`);
      clearTimeout(timer);
      console.log(JSON.stringify({target: label, check, result}));
    }
  }
  process.exit(0);
}

await main();
