// node simple_hl7_receive.js: listens, prints its port, then the MSH-10 and MSH-9 of each message; answers AA.
const hl7 = require("simple-hl7");

const app = hl7.tcp();
app.use((req, res) => {
  console.log(req.msg.header.getField(8).toString(), `${req.type}^${req.event}`);
  res.end();
});
const started = app.start(0);
started.server.on("listening", () => console.log(started.server.address().port));
