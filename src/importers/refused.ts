/** An import cannot go on for a reason that people can do something about. The message says which. */
export class ImportRefused extends Error {
  constructor(message: string) {
    super(message);
    this.name = "ImportRefused";
  }
}
