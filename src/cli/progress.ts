import { SingleBar } from "cli-progress";
import { tell } from "./output.ts";

const lineEveryMs = 3_000;
const barEveryMs = 100;

/** How far a long command is, on standard error: a bar on a terminal, else a line now and then. */
export interface Progress {
  /** Begins a step, and ends the one before. */
  step(title: string): void;
  /**
   * How far the step is, from 0 to 1. May be called as often as one likes: `detail`, what to say beside it,
   * is only asked for when it is shown.
   */
  at(fraction: number, detail?: () => string): void;
  /** Ends the last step. Calling it again does nothing. */
  end(): void;
}

export function createProgress(): Progress {
  return process.stderr.isTTY ? new BarProgress() : new LineProgress();
}

function percent(fraction: number): number {
  return Math.floor(Math.min(1, Math.max(0, fraction)) * 100);
}

class BarProgress implements Progress {
  private bar: SingleBar | undefined;
  private shownAt = 0;

  step(title: string): void {
    this.end();
    this.bar = new SingleBar({
      format: `${title.padEnd(24)} [{bar}] {percentage}% {detail}`,
      barsize: 30,
      hideCursor: true,
      stream: process.stderr,
    });
    this.bar.start(100, 0, { detail: "" });
    this.shownAt = 0;
  }

  at(fraction: number, detail?: () => string): void {
    const now = Date.now();
    if (!this.bar || now - this.shownAt < barEveryMs) return;
    this.shownAt = now;
    this.bar.update(percent(fraction), { detail: detail?.() ?? "" });
  }

  end(): void {
    this.bar?.update(100);
    this.bar?.stop();
    this.bar = undefined;
  }
}

class LineProgress implements Progress {
  private title = "";
  private shownAt = 0;

  step(title: string): void {
    this.title = title;
    this.shownAt = Date.now();
  }

  at(fraction: number, detail?: () => string): void {
    const now = Date.now();
    if (now - this.shownAt < lineEveryMs) return;
    this.shownAt = now;
    tell(`${this.title}: ${percent(fraction)}% ${detail?.() ?? ""}`.trimEnd());
  }

  end(): void {}
}
