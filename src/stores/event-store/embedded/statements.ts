import type { DatabaseSync, StatementSync } from "node:sqlite";

/** Of an integer in SQLite, without the sign. */
export const maskBits = 63;
/** Data beyond this does not come with its row: the row then holds how many bytes it has. */
export const inlineBytesMax = 8 * 1024;

export type LogRow = [
  position: number,
  stream: number,
  revision: number,
  type: number,
  time: number,
  /** The data itself, or, where it is long, how many bytes it has. */
  data: string | number,
  /** Null where it was not asked for. */
  metadata: string | null,
];

export type Statements = ReturnType<typeof prepareStatements>;

export function prepareStatements(db: DatabaseSync) {
  const arrays = (sql: string): StatementSync => {
    const statement = db.prepare(sql);
    statement.setReturnArrays(true);
    return statement;
  };
  // Bits of the types that are meant, in two integers.
  const inMask = `CASE WHEN type < ${maskBits} THEN (? >> type) & 1 ELSE (? >> (type - ${maskBits})) & 1 END`;
  // The plus sign keeps SQLite on the primary key, in log order.
  const inList = "+type IN (SELECT value FROM json_each(?))";
  const columns =
    "position, stream, revision, type, time, " +
    `CASE WHEN octet_length(data) > ${inlineBytesMax} THEN octet_length(data) ELSE data END`;
  return {
    insert: db.prepare("INSERT INTO events VALUES (?, ?, ?, ?, ?, ?, ?)"),
    insertStream: db.prepare("INSERT INTO streams (name) VALUES (?)"),
    insertType: db.prepare("INSERT INTO types (name) VALUES (?)"),
    streamHead: arrays(
      "SELECT id, (SELECT max(revision) FROM events WHERE stream = streams.id) FROM streams WHERE name = ?",
    ),
    identities: arrays(
      "SELECT position, metadata FROM events WHERE stream = ? AND revision >= ? ORDER BY revision LIMIT ?",
    ),
    streamName: arrays("SELECT name FROM streams WHERE id = ?"),
    typeByName: arrays("SELECT id FROM types WHERE name = ?"),
    typeName: arrays("SELECT name FROM types WHERE id = ?"),
    head: arrays("SELECT max(position) FROM events"),
    data: arrays("SELECT data FROM events WHERE position = ?"),
    metadata: arrays("SELECT metadata FROM events WHERE position = ?"),
    range: arrays(
      `SELECT ${columns}, metadata FROM events WHERE stream = ? AND revision >= ? ORDER BY revision LIMIT ?`,
    ),
    rangeBackwards: arrays(
      `SELECT ${columns}, metadata FROM events WHERE stream = ? AND revision <= ? ORDER BY revision DESC LIMIT ?`,
    ),
    all: arrays(
      `SELECT ${columns}, NULL FROM events WHERE position > ? AND position <= ? ORDER BY position LIMIT ?`,
    ),
    allWithMetadata: arrays(
      `SELECT ${columns}, metadata FROM events WHERE position > ? AND position <= ? ORDER BY position LIMIT ?`,
    ),
    filtered: arrays(
      `SELECT ${columns}, CASE WHEN ${inMask} THEN metadata END FROM events
       WHERE position > ? AND position <= ? AND ${inMask} ORDER BY position LIMIT ?`,
    ),
    filteredByList: arrays(
      `SELECT ${columns}, CASE WHEN ${inList} THEN metadata END FROM events
       WHERE position > ? AND position <= ? AND ${inList} ORDER BY position LIMIT ?`,
    ),
  };
}
