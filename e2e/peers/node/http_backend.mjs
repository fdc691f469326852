// Node's own HTTP server, for the smuggling vectors: answers with method and target and prints them with the body's size.
import {createServer} from 'node:http';

const server = createServer((request, response) => {
  let size = 0;
  request.on('data', part => (size += part.length));
  const answer = () => {
    console.log(`${request.method} ${request.url} ${size}`);
    response.end(`${request.method} ${request.url}`);
  };
  request.on('end', answer);
  request.on('error', () => {});
});
server.listen(0, '127.0.0.1', () => console.log(JSON.stringify({port: server.address().port})));
