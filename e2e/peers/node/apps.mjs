// Socket.IO and graphql-ws. `serve NAME` starts a backend and prints its port; `client URL SOCKETS` runs the checks against
// URL (http or https; the paths are /socket.io and /graphql) and prints a line of JSON for each; `crowd` runs the last alone.
import {randomBytes} from 'node:crypto';
import {readFileSync} from 'node:fs';
import {createServer} from 'node:http';
import {setTimeout as pause} from 'node:timers/promises';
import {buildSchema} from 'graphql';
import {createClient} from 'graphql-ws';
import {useServer} from 'graphql-ws/use/ws';
import {Server} from 'socket.io';
import {io} from 'socket.io-client';
import WebSocket, {WebSocketServer} from 'ws';

const WAIT_MILLIS = 30_000;
const ca = process.env.PEERS_CA ? readFileSync(process.env.PEERS_CA) : undefined;

function serve(name) {
  const http = createServer((request, response) => response.writeHead(404).end());
  const server = new Server(http, {maxHttpBufferSize: 16 << 20, perMessageDeflate: {threshold: 1024}});
  server.on('connection', socket => {
    socket.emit('name', name);
    socket.on('ask', (data, answer) => answer(name, socket.conn.transport.name, data));
    socket.on('join', (room, answer) => {
      socket.join(room);
      answer();
    });
    socket.on('tell', (room, data) => server.to(room).emit('told', data));
    socket.on('kick', () => socket.disconnect(true));
  });
  server.of('/admin').on('connection', socket => socket.emit('name', `admin of ${name}`));
  graphql(http);
  http.listen(0, '127.0.0.1', () => console.log(JSON.stringify({port: http.address().port})));
}

function graphql(http) {
  const server = new WebSocketServer({noServer: true, maxPayload: 16 << 20, perMessageDeflate: true});
  http.on('upgrade', (request, socket, head) => {
    if (request.url.startsWith('/graphql'))
      server.handleUpgrade(request, socket, head, connection => server.emit('connection', connection, request));
  });
  const schema = buildSchema('type Query {hello(name: String): String} type Subscription {count(to: Int): Int}');
  useServer({
    schema,
    connectionInitWaitTimeout: 5_000,
    roots: {
      query: {hello: ({name}) => `hold fast, ${name}`},
      subscription: {
        async *count({to}) {
          for (let i = 0; i < to; i++) {
            if (i % 10 === 0) await pause(1);
            yield {count: i};
          }
        },
      },
    },
  }, server);
}

// --- Socket.IO

function open(url, options = {}) {
  // The cookie of affinity is kept as a browser does.
  return io(url, {forceNew: true, withCredentials: true, reconnection: false, ca, ...options});
}

const event = (emitter, name) => new Promise(resolve => emitter.once(name, (...args) => resolve(args)));

async function opened(socket) {
  await new Promise((resolve, reject) => {
    socket.once('connect', resolve);
    socket.once('connect_error', e => reject(new Error(`connect_error ${e.message} ${e.description?.status ?? e.description ?? ''}`)));
  });
  return socket;
}

// Of a socket that meets two backends its upgrade, or its name, never comes, and nothing tells so: `patience` in milliseconds.
async function upgraded(url, patience = WAIT_MILLIS) {
  const socket = open(url);
  const upgrade = new Promise(resolve => socket.io.engine?.once('upgrade', resolve) ??
    socket.io.once('open', () => socket.io.engine.once('upgrade', resolve)));
  const name = event(socket, 'name');
  const gone = event(socket, 'disconnect');
  // Not after 'connect': that is a round trip later, and the upgrade may be quicker.
  let before;
  socket.io.once('open', () => { before = socket.io.engine.transport.name; });
  await opened(socket);
  await Promise.race([upgrade, gone, pause(patience)]);
  const [told] = await Promise.race([name, pause(patience / 2, ['nobody'])]);
  return {socket, name: told, before};
}

const ask = (socket, data) => new Promise(resolve => socket.emit('ask', data, (...answer) => resolve(answer)));

const checks = {
  async 'socket.io: polling, then upgrade'(url) {
    const {socket, name, before} = await upgraded(url);
    const [again, transport, data] = await ask(socket, 'fäst');
    socket.disconnect();
    return `${before} then ${socket.io.engine.transport.name}, the server says ${transport}, ${data}, same backend ${again === name}`;
  },
  async 'socket.io: websocket only'(url) {
    const socket = await opened(open(url, {transports: ['websocket']}));
    const [, transport, data] = await ask(socket, {a: [1, 'ä', null]});
    socket.disconnect();
    return `${transport} ${JSON.stringify(data)}`;
  },
  async 'socket.io: polling only'(url) {
    const socket = await opened(open(url, {transports: ['polling']}));
    const [, transport, data] = await ask(socket, 'x'.repeat(500_000));
    socket.disconnect();
    return `${transport} ${data.length}`;
  },
  async 'socket.io: binary of 1 and 8 MiB'(url) {
    const {socket} = await upgraded(url);
    const results = [];
    for (const size of [1 << 20, 8 << 20]) {
      const data = randomBytes(size);
      const [, , echo] = await ask(socket, data);
      results.push(data.equals(echo));
    }
    socket.disconnect();
    return results.join();
  },
  async 'socket.io: compressed text of 4 MiB'(url) {
    const {socket} = await upgraded(url);
    const text = 'hold fäst, '.repeat(1 << 18) + randomBytes(1 << 19).toString('hex');
    const [, , echo] = await ask(socket, text);
    const extensions = socket.io.engine.transport.ws.extensions;
    socket.disconnect();
    return `${extensions} ${text === echo}`;
  },
  async 'socket.io: namespace'(url) {
    const socket = open(`${url}/admin`);
    const [name] = await event(socket, 'name');
    socket.disconnect();
    return name.replace(/ of .*/, '');
  },
  async 'socket.io: room'(url) {
    const {socket} = await upgraded(url);
    await new Promise(resolve => socket.emit('join', 'a', resolve));
    const told = event(socket, 'told');
    socket.emit('tell', 'a', Buffer.from('hold'));
    const [data] = await told;
    socket.disconnect();
    return String(data);
  },
  async 'socket.io: the server disconnects'(url) {
    const {socket} = await upgraded(url);
    const gone = event(socket, 'disconnect');
    socket.emit('kick');
    const [reason] = await gone;
    return reason;
  },
  async 'socket.io: reconnects'(url) {
    const socket = open(url, {reconnection: true, reconnectionDelay: 10});
    await opened(socket);
    socket.io.engine.close();
    await event(socket.io, 'reconnect');
    const [, , data] = await ask(socket, 'again');
    socket.disconnect();
    return data;
  },
};

// Many at once: each stays on its backend from the first poll to the tunnel. How many backends they found is told apart.
async function many(url, count, patience) {
  const all = await Promise.allSettled(Array.from({length: count}, () => upgraded(url, patience)));
  const open = all.filter(one => one.status === 'fulfilled').map(one => one.value);
  let steady = 0;
  await Promise.all(open.map(async ({socket, name}) => {
    const [again, transport] = await Promise.race([ask(socket, 1), pause(patience, [])]);
    if (again === name && transport === 'websocket') steady++;
    socket.disconnect();
  }));
  const failure = all.find(one => one.status === 'rejected')?.reason?.message ?? '';
  return {steady, backends: new Set(open.map(one => one.name)).size, failure};
}

// --- graphql-ws

function client(url, options = {}) {
  class Trusting extends WebSocket {
    constructor(to, protocols) {
      super(to, protocols, {ca});
    }
  }
  return createClient({url: `${url.replace(/^http/, 'ws')}/graphql`, webSocketImpl: Trusting, retryAttempts: 0, lazy: true, keepAlive: 20, ...options});
}

async function all(one, query) {
  const values = [];
  for await (const value of one.iterate({query})) values.push(value.data);
  return values;
}

// --- Both without their clients, which send whole messages only and end politely

// The socket; every message that comes is in `messages`, `closed` tells its end, `has` waits for a message.
function bare(url, path, protocol) {
  const socket = new WebSocket(`${url.replace(/^http/, 'ws')}${path}`, protocol, {ca, perMessageDeflate: false});
  socket.messages = [];
  socket.closed = new Promise(resolve => socket.on('close', (code, reason) => resolve(`${code} ${reason}`)));
  socket.on('error', e => (socket.refusal = e.message));
  socket.on('message', data => {
    socket.messages.push(String(data));
    socket.emit('told');
  });
  socket.has = async beginning => {
    while (!socket.messages.some(message => message.startsWith(beginning)))
      await Promise.race([event(socket, 'told'), socket.closed.then(end => Promise.reject(new Error(`closed ${end}`)))]);
    return socket.messages.find(message => message.startsWith(beginning));
  };
  return socket;
}

// In seven frames, one of them empty; the last goes in one breath with the end of the stream, if that is asked for.
function sendInFragments(socket, text, thenEnd = false) {
  const at = Math.ceil(text.length / 6);
  const parts = ['', ...Array.from({length: 6}, (_, i) => text.slice(i * at, (i + 1) * at))];
  parts.forEach((part, i) => socket.send(part, {fin: i === parts.length - 1, compress: false}));
  if (thenEnd) socket._socket.end();
}

async function socketIo(url) {
  const socket = bare(url, '/socket.io/?EIO=4&transport=websocket');
  await socket.has('0{');
  socket.send('40');
  await socket.has('40{');
  return socket;
}

async function graphQl(url) {
  const socket = bare(url, '/graphql', 'graphql-transport-ws');
  await event(socket, 'open');
  socket.send('{"type":"connection_init"}');
  await socket.has('{"type":"connection_ack"');
  return socket;
}

// How a socket ends that says nothing but these.
async function ending(url, protocol, messages) {
  const socket = bare(url, '/graphql', protocol);
  socket.on('open', () => messages.forEach(message => socket.send(message)));
  return `${await socket.closed} ${socket.refusal ?? ''}`;
}

const question = name => JSON.stringify({id: '1', type: 'subscribe', payload: {query: `{hello(name: "${name}")}`}});

Object.assign(checks, {
  async 'graphql-ws: query'(url) {
    const one = client(url);
    const values = await all(one, '{hello(name: "Tang")}');
    await one.dispose();
    return JSON.stringify(values);
  },
  async 'graphql-ws: subscription of 300'(url) {
    const one = client(url);
    const values = await all(one, 'subscription {count(to: 300)}');
    await one.dispose();
    return `${values.length} in order ${values.every((value, i) => value.count === i)}`;
  },
  async 'graphql-ws: ten subscriptions on one socket, pings between'(url) {
    let pongs = 0;
    // It would close behind the last subscription, which may end before the first ping is answered.
    const one = client(url, {lazyCloseTimeout: WAIT_MILLIS});
    one.on('pong', () => pongs++);
    const values = await Promise.all(Array.from({length: 10}, (_, i) => all(one, `subscription {count(to: ${100 + i * 50})}`)));
    while (pongs === 0) await pause(10);
    await one.dispose();
    return `${values.map(value => value.length)}`;
  },
  async 'graphql-ws: compressed text of 4 MiB, there and back'(url) {
    const opened = {};
    const one = client(url);
    one.on('opened', socket => (opened.extensions = socket.extensions));
    const name = 'fast, '.repeat(1 << 19) + randomBytes(1 << 19).toString('hex');
    const values = await all(one, `{hello(name: "${name}")}`);
    await one.dispose();
    return `${opened.extensions} ${values.length === 1 && values[0].hello === `hold fast, ${name}`}`;
  },
  async 'graphql-ws: an error of the query'(url) {
    const one = client(url);
    const result = await all(one, '{nothing}').catch(e => JSON.stringify(e));
    await one.dispose();
    return JSON.stringify(result);
  },
  'graphql-ws: 4400': url => ending(url, 'graphql-transport-ws', ['garbage']),
  'graphql-ws: 4401': url => ending(url, 'graphql-transport-ws', ['{"type":"subscribe","id":"1","payload":{"query":"{hello}"}}']),
  'graphql-ws: 4408': url => ending(url, 'graphql-transport-ws', []),
  'graphql-ws: 4429': url => ending(url, 'graphql-transport-ws', ['{"type":"connection_init"}', '{"type":"connection_init"}']),
  'graphql-ws: an unknown subprotocol': url => ending(url, 'graphql-ws', []),
  async 'socket.io: an event in fragments'(url) {
    const socket = await socketIo(url);
    const text = 'hold fäst '.repeat(2000);
    sendInFragments(socket, `420["ask","${text}"]`);
    const answer = JSON.parse((await socket.has('430')).slice(3));
    socket.close(1000);
    return `${answer[1]} ${answer[2] === text} ${await socket.closed}`;
  },
  async 'socket.io: an event in fragments, and the end of the stream behind it'(url) {
    const socket = await socketIo(url);
    sendInFragments(socket, '420["ask","last"]', true);
    const end = await socket.closed;
    return `${JSON.parse((await socket.has('430')).slice(3)).slice(1)} ${end}`;
  },
  async 'graphql-ws: a query in fragments'(url) {
    const socket = await graphQl(url);
    const name = 'fast, '.repeat(2000);
    sendInFragments(socket, question(name));
    const answer = JSON.parse(await socket.has('{"id":"1","type":"next"'));
    await socket.has('{"id":"1","type":"complete"');
    socket.close(1000);
    return `${answer.payload.data.hello === `hold fast, ${name}`} ${await socket.closed}`;
  },
  async 'graphql-ws: a query in fragments, and the end of the stream behind it'(url) {
    const socket = await graphQl(url);
    sendInFragments(socket, question('last'), true);
    const end = await socket.closed;
    return `${JSON.parse(await socket.has('{"id":"1","type":"next"')).payload.data.hello} ${end}`;
  },
});

async function limited(run, millis = WAIT_MILLIS) {
  let timer;
  const late = new Promise((_, reject) => (timer = setTimeout(() => reject(new Error('timeout')), millis)));
  try {
    return await Promise.race([run(), late]);
  } catch (e) {
    return `error: ${e?.message ?? JSON.stringify(e)}`;
  } finally {
    clearTimeout(timer);
  }
}

const [role, argument, sockets] = process.argv.slice(2);
if (role === 'serve') serve(argument);
else {
  for (const [check, run] of role === 'client' ? Object.entries(checks) : [])
    console.log(JSON.stringify({check, result: await limited(() => run(argument))}));
  const patience = role === 'crowd' ? WAIT_MILLIS / 3 : WAIT_MILLIS;
  const result = await limited(() => many(argument, Number(sockets), patience), 4 * WAIT_MILLIS);
  console.log(JSON.stringify({check: 'many', result}));
  process.exit(0);
}
