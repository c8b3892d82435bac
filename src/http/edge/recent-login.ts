import { recentLoginMs } from "../../../commands/account/account.ts";
import { Problem } from "../../values/problem.ts";

/** @throws Problem recent_login_required */
export function requireRecent(loginAt: number, now: number): void {
  if (now - loginAt > recentLoginMs)
    throw new Problem("recent_login_required", "log in again: this is done within 10 minutes of a login");
}
