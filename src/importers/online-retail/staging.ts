import { hash } from "node:crypto";
import { DatabaseSync, type SQLInputValue, type StatementSync } from "node:sqlite";
import { foldSku } from "../../values/sku.ts";
import type { CsvRow } from "../csv/rows.ts";
import { kindOf, type LineKind, lineKinds, type SetAside, setAsideKinds } from "./kinds.ts";
import type { Fault, OrderLine } from "./lines.ts";

const cacheKibibytes = 32 * 1024;
const digestCharacters = 16;
export const weekMs = 7 * 86_400_000;

const schema = `
  PRAGMA journal_mode = OFF;
  PRAGMA synchronous = OFF;
  PRAGMA cache_size = -${cacheKibibytes};
  CREATE TABLE lines (
    id INTEGER PRIMARY KEY, line INTEGER, run INTEGER, invoice TEXT, kind INTEGER,
    sku TEXT, code TEXT, name TEXT, quantity INTEGER, price INTEGER, at INTEGER, customer TEXT, email TEXT
  );
  CREATE TABLE rejects (line INTEGER PRIMARY KEY, invoice TEXT, field TEXT, value TEXT, reason TEXT);
  CREATE TABLE invoices (
    number TEXT PRIMARY KEY, first INTEGER, at INTEGER, week INTEGER, customer TEXT, email TEXT, digest TEXT,
    state TEXT, scope TEXT, todo INTEGER DEFAULT 0, seq INTEGER
  ) WITHOUT ROWID;
  CREATE TABLE listed (number TEXT PRIMARY KEY, digest TEXT, run TEXT, week INTEGER) WITHOUT ROWID;
  CREATE TABLE known (
    number TEXT PRIMARY KEY, digest TEXT, run TEXT, week INTEGER, done INTEGER DEFAULT 0
  ) WITHOUT ROWID;
  CREATE TABLE reversals (
    number TEXT, ordered TEXT, line INTEGER, sku TEXT, quantity INTEGER, price INTEGER, at INTEGER, week INTEGER
  );
`;

/** One order, or one cancellation, as the file has it. */
export interface Invoice {
  number: string;
  /** Line of the file that it begins in. */
  first: number;
  /** Epoch milliseconds, of its first line. */
  at: number;
  customer: string;
  email: string;
  digest: string;
}

/** What an invoice says of one SKU at one price. */
export interface StagedLine {
  line: number;
  run: number;
  kind: number;
  /** As it is known by. */
  sku: string;
  name: string;
  quantity: number;
  price: number;
}

/**
 * The file, read once and kept where it can be asked: a database of its own in a temporary file, gone with its
 * process. What is held in memory is its cache, however long the file is.
 */
export class Staging {
  readonly db = new DatabaseSync("");
  /** Lines of the file, and those set aside by kind. */
  lines = 0;
  readonly setAside = new Map<SetAside, number>();
  private readonly isDataSet: boolean;
  private readonly insertLine: StatementSync;
  private readonly insertReject: StatementSync;
  private order = "";
  private run = 0;
  private id = 0;

  /** @param folder where there is room for the file's lines */
  constructor(folder: string, isDataSet: boolean) {
    this.isDataSet = isDataSet;
    this.keepIn(folder);
    this.db.exec(schema);
    this.insertLine = this.db.prepare("INSERT INTO lines VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)");
    this.insertReject = this.db.prepare("INSERT OR IGNORE INTO rejects VALUES (?, ?, ?, ?, ?)");
    this.db.exec("BEGIN");
  }

  /** @param order that the row belongs to, whether or not it could be read */
  add({ line }: CsvRow, order: string, read: OrderLine | Fault): void {
    this.lines++;
    if (order !== this.order || this.run === 0) this.run++;
    this.order = order;
    if ("reason" in read) {
      this.reject(line, order, read);
      return;
    }
    const kind = kindOf(read, this.isDataSet);
    if (typeof kind === "object") this.put(kind.setAside);
    else this.stage(read, kind);
  }

  /** Everything is here. */
  seal(): void {
    this.db.exec("CREATE INDEX lines_of_invoice ON lines (invoice)");
    this.db.exec("CREATE INDEX rejects_of_invoice ON rejects (invoice)");
  }

  reject(line: number, invoice: string, { field, value, reason }: Fault): void {
    this.insertReject.run(line, invoice, field, value, reason);
  }

  put(kind: SetAside, lines = 1): void {
    if (lines > 0) this.setAside.set(kind, (this.setAside.get(kind) ?? 0) + lines);
  }

  setAsideByKind(): Record<string, number> {
    return Object.fromEntries([...this.setAside].map(([kind, count]) => [setAsideKinds[kind], count]));
  }

  count(sql: string, ...values: SQLInputValue[]): number {
    return Number(this.db.prepare(`SELECT (${sql}) AS count`).get(...values)?.count ?? 0);
  }

  rows<R>(sql: string, ...values: SQLInputValue[]): IterableIterator<R> {
    return this.db.prepare(sql).iterate(...values) as IterableIterator<R>;
  }

  close(): void {
    this.keepIn("");
    this.db.close();
  }

  /** The system's own place for temporary files, often memory, is for little ones: SQLite is told of another. */
  private keepIn(folder: string): void {
    this.db.exec(`PRAGMA temp_store_directory = '${folder.replaceAll("'", "''")}'`);
  }

  private stage(read: OrderLine, kind: LineKind): void {
    const { line, order, sku, name, at, customer, email } = read;
    // What is written off, or goes back, has no price that matters, or a single one.
    const parts = read.parts.length > 0 ? read.parts : [{ quantity: Math.abs(read.quantity), unitPrice: 0 }];
    for (const { quantity, unitPrice } of parts)
      this.insertLine.run(
        ++this.id,
        line,
        this.run,
        order,
        lineKinds[kind],
        foldSku(sku),
        sku,
        name,
        quantity,
        unitPrice,
        at,
        customer,
        email,
      );
  }
}

/** The same for the same goods at the same prices, in whatever order and however cut into lines. */
export function digestOf(
  lines: Iterable<{ kind: number; sku: string; quantity: number; price: number }>,
): string {
  const pieces = new Map<string, number>();
  for (const { kind, sku, quantity, price } of lines) {
    const key = JSON.stringify([kind, sku, price]);
    pieces.set(key, (pieces.get(key) ?? 0) + quantity);
  }
  const text = JSON.stringify([...pieces].sort(([a], [b]) => (a < b ? -1 : 1)));
  return hash("sha256", text, "base64url").slice(0, digestCharacters);
}
