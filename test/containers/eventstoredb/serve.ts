import { readFileSync } from "node:fs";
import { connect, createServer, type Socket } from "node:net";
import { pipeline } from "node:stream";
import { createServer as createTlsServer } from "node:tls";
import { EventStoreDouble } from "../../stores/eventstoredb/double/server.ts";

/*
 * The double as the only program of a container: it listens on the loopback, so what comes from other containers is
 * handed on to it, out of TLS where there is a certificate. A disk that is full ends it, as it ends the server.
 */

const port = 2113;
const { EVENTSTORE_CERTIFICATE_FILE: certificate, EVENTSTORE_CERTIFICATE_PRIVATE_KEY_FILE: key } =
  process.env;
const double = await EventStoreDouble.start({ folder: "/var/lib/eventstore" });

function handOn(outside: Socket): void {
  const inside = connect(double.port, "127.0.0.1");
  pipeline(outside, inside, () => {});
  pipeline(inside, outside, () => {});
}

const server =
  certificate !== undefined && key !== undefined
    ? createTlsServer(
        { cert: readFileSync(certificate), key: readFileSync(key), ALPNProtocols: ["h2"] },
        handOn,
      )
    : createServer(handOn);
server.listen(port, "0.0.0.0", () => console.log(`listening, ${double.log.records.length} records`));
process.once("SIGTERM", () => {
  double.close();
  process.exit(0);
});
