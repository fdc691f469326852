// The echo server that Autobahn judges, plain and over TLS: nobody here wrote its WebSocket code.
// node echo.mjs KEYSTORE PASSPHRASE prints one line of JSON with its ports.
import { createServer } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import { readFileSync } from 'node:fs';
import { WebSocketServer } from 'ws';

function echo(server) {
  const sockets = new WebSocketServer({ server, perMessageDeflate: false, maxPayload: 64 << 20 });
  sockets.on('connection', socket => {
    socket.on('error', () => {}); // It answers what is wrong with a close frame by itself.
    socket.on('message', (data, binary) => socket.send(data, { binary }));
  });
  return new Promise(resolve => server.listen(0, '127.0.0.1', () => resolve(server.address().port)));
}

const plain = await echo(createServer());
const secure = await echo(createTlsServer({ pfx: readFileSync(process.argv[2]), passphrase: process.argv[3] }));
console.log(JSON.stringify({ plain, secure }));
