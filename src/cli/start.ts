import type { Command } from "commander";

export function addStart(program: Command): void {
  program
    .command("start")
    .description("start the server, as npm start does")
    .action(async () => {
      // Only here: the other commands have no use for the HTTP server.
      const { startServer } = await import("./serve.ts");
      await startServer();
    });
}
