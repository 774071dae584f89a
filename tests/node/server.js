// A veCharge service on a real Socket.IO server of Node's, driven by a test over HTTP.
//
//     node server.js '{"generation": "2", "pingInterval": 25000, "pingTimeout": 5000}'
//
// generation: "2" (socket.io 2.5.1), "4" (socket.io 4), "4+3" (socket.io 4 that also admits older clients).
// It prints "listening on PORT". /control/state tells what it has seen; POST /control/NAME with a JSON object
// does what `commands` below says.
"use strict";

const fs = require("fs");
const http = require("http");
const path = require("path");

const options = { generation: "2", pingInterval: 25000, pingTimeout: 5000, ...JSON.parse(process.argv[2] || "{}") };
const fixture = fs.readFileSync(path.join(__dirname, "../fixtures/chargerConnected.json"), "utf8");

// What a test can change at any time; a value that is not null puts the rule into force.
const rules = {
  refuse: null, // the text with which tokens are refused
  token: null, // the only token that is accepted
  handshake_status: null, // the HTTP status of every new handshake
  handshake_body: "", // the body that goes with it
  post_status: null, // the HTTP status of every polling POST
  websocket_status: null, // the HTTP status with which a proxy would refuse websockets
  answer_delay: null, // how many milliseconds a new handshake waits for its answer
  accept_delay: null, // how many milliseconds the check of a token takes
  occupied: null, // whether every charger is connected to another device
  close: null, // whether every connection is closed at once, without an event
  hang: null, // whether requests are taken and never answered
  websocket_hang: null, // the same of websockets alone
};
const connections = []; // every Engine.IO connection ever, in order: see `record`
const mostAtOnce = {}; // charger -> the most connections that were open at the same time
const handshakes = []; // every request for a new connection, answered or not
const documents = {}; // charger -> what chargerConnected says
const sockets = {}; // charger -> its newest Socket.IO socket

const server = http.createServer((request, response) => control(request, response));
const io = serviceOf(options.generation);
interceptBefore("request", (request, response) => {
  const query = new URL(request.url, "http://service").searchParams;
  if (!request.url.startsWith("/socket.io/")) return false;
  const status = request.method === "POST" ? rules.post_status : query.get("sid") ? null : noted(query) && rules.handshake_status;
  if (status) response.writeHead(status).end(rules.handshake_body);
  return Boolean(status || rules.hang);
});
interceptBefore("upgrade", (request, socket) => {
  const query = new URL(request.url, "http://service").searchParams;
  const status = rules.websocket_status || (!query.get("sid") && noted(query) && rules.handshake_status);
  if (status) socket.end(`HTTP/1.1 ${status} Refused\r\nConnection: close\r\n\r\n`);
  return Boolean(status || rules.hang || rules.websocket_hang);
});

io.use((socket, next) => {
  const { token } = socket.handshake.query;
  const wrong = rules.token !== null && token !== `Bearer ${rules.token}`;
  const refusal = rules.refuse !== null ? rules.refuse : wrong ? "Authentication error" : null;
  setTimeout(() => next(refusal === null ? undefined : new Error(refusal)), rules.accept_delay || 0);
});
io.engine.on("connection", record);
io.on("connection", (socket) => {
  const { chargerId } = socket.handshake.query;
  sockets[chargerId] = socket;
  if (rules.occupied) {
    commands.error({ charger: chargerId, text: "Charger already connected to other device" });
    return socket.disconnect();
  }
  if (rules.close) return socket.disconnect();
  entryOf(socket.conn).accepted = true;
  socket.emit("chargerConnected", documents[chargerId] || { ...JSON.parse(fixture), _id: chargerId });
});

const commands = {
  rules: (change) => Object.assign(rules, change),
  // What the charger's next chargerConnected says.
  document: ({ charger, document }) => (documents[charger] = document),
  // `as`: "object", "text" (a string holding JSON), "raw" (the string itself), "binary" (its bytes).
  emit({ charger, event, payload, as = "object", count = 1 }) {
    const forms = { object: () => payload, text: () => JSON.stringify(payload), raw: () => payload };
    forms.binary = () => Buffer.from(JSON.stringify(payload));
    for (let n = 0; n < count; n++) sockets[charger].emit(event, forms[as]());
  },
  emitEach: ({ charger, event, payloads }) => payloads.forEach((one) => sockets[charger].emit(event, one)),
  // The service's word on a running connection: an ERROR packet where the generation has one for that.
  error({ charger, text }) {
    options.generation === "2" ? sockets[charger].error(text) : sockets[charger].emit("error", text);
  },
  off({ charger }) {
    sockets[charger].emit("statusChanged", { status: "OFF" });
    sockets[charger].disconnect();
  },
  // `close` false is Node's default: the namespace says goodbye, the transport stays.
  disconnect: ({ charger, close = false }) => sockets[charger].disconnect(close),
  // The wire breaks: no goodbye of any kind.
  cut({ charger }) {
    const { conn } = sockets[charger];
    const { socket } = conn.transport;
    socket && socket.terminate ? socket.terminate() : conn.close(true);
  },
  // The connection stays and nothing comes over it any more, pongs neither.
  silence({ charger }) {
    const { conn } = sockets[charger];
    conn.sendPacket = () => conn;
    conn.resetPingTimeout = () => {};
    clearTimeout(conn.pingTimeoutTimer);
  },
};

server.listen(options.port || 0, "127.0.0.1", () => console.log(`listening on ${server.address().port}`));

function serviceOf(generation) {
  const { pingInterval, pingTimeout } = options;
  if (generation === "2") return require("socket.io-2")(server, { pingInterval, pingTimeout });
  const { Server } = require("socket.io-4");
  return new Server(server, { pingInterval, pingTimeout, allowEIO3: generation === "4+3" });
}

// Asks `taken` before the listeners that are there; they see only what it does not take, new handshakes perhaps late.
function interceptBefore(event, taken) {
  const listeners = server.listeners(event);
  server.removeAllListeners(event);
  server.on(event, (...args) => {
    if (taken(...args)) return;
    const pass = () => listeners.forEach((listener) => listener.apply(server, args));
    const isNew = !/[?&]sid=/.test(args[0].url) && args[0].url.startsWith("/socket.io/");
    isNew && rules.answer_delay ? setTimeout(pass, rules.answer_delay) : pass();
  });
}

function noted(query) {
  handshakes.push({ at: Date.now(), ...Object.fromEntries(query) });
  return true;
}

function record(conn) {
  const { chargerId, token } = conn.request._query;
  const entry = { charger: chargerId, token, sid: conn.id, at: Date.now(), open: true, accepted: false, conn };
  connections.push(entry);
  const now = connections.filter((one) => one.open && one.charger === chargerId).length;
  mostAtOnce[chargerId] = Math.max(now, mostAtOnce[chargerId] || 0);
  conn.on("close", () => (entry.open = false));
}

function entryOf(conn) {
  return connections.find((entry) => entry.conn === conn);
}

function state() {
  const known = connections.map(({ conn, ...entry }) => ({ ...entry, transport: conn.transport.name }));
  return { connections: known, handshakes, most_at_once: mostAtOnce };
}

function control(request, response) {
  const name = request.url.replace("/control/", "");
  const chunks = [];
  request.on("data", (chunk) => chunks.push(chunk));
  request.on("end", () => {
    try {
      if (name !== "state") commands[name](JSON.parse(Buffer.concat(chunks).toString() || "{}"));
      response.writeHead(200, { "Content-Type": "application/json" }).end(JSON.stringify(state()));
    } catch (error) {
      response.writeHead(400).end(`${name}: ${error.stack}`);
    }
  });
}
