// Autobahn's client speaks plain ws only: this hop turns each of its connections into a TLS one, octet by octet.
// node hop.mjs PORT... prints the plain port in front of each TLS port, as a JSON list.
import { createServer } from 'node:net';
import { connect } from 'node:tls';

function hop(port) {
  const server = createServer({ allowHalfOpen: true, noDelay: true }, plain => {
    const secure = connect({ port, host: '127.0.0.1', rejectUnauthorized: false });
    secure.setNoDelay(true);
    plain.pipe(secure).pipe(plain);
    plain.on('error', () => secure.destroy());
    secure.on('error', () => plain.destroy());
    plain.on('close', () => secure.destroy());
    secure.on('close', () => plain.end());
  });
  return new Promise(resolve => server.listen(0, '127.0.0.1', () => resolve(server.address().port)));
}

console.log(JSON.stringify(await Promise.all(process.argv.slice(2).map(port => hop(Number(port))))));
