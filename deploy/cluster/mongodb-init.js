// Run by mongosh on the first member, from its own loopback: there the first user may be made without a password.
const readyWithinMs = 120_000;
const pauseMs = 1_000;
const { MONGODB_ADMIN_PASSWORD, MONGODB_PASSWORD } = process.env;
const admin = db.getSiblingDB("admin");

function isKnown(user, password) {
  try {
    return admin.auth(user, password).ok === 1;
  } catch {
    return false;
  }
}

/** Until the other members can be reached, and this one, which is preferred, is the primary. */
function initiate() {
  const members = [1, 2, 3].map((n) => ({ _id: n, host: `mongodb-${n}:27017`, priority: n === 1 ? 2 : 1 }));
  const endsAt = Date.now() + readyWithinMs;
  let reason = "this member is not the primary";
  while (!db.hello().isWritablePrimary) {
    if (Date.now() > endsAt) throw new Error(`no replica set within ${readyWithinMs} ms: ${reason}`);
    try {
      rs.initiate({ _id: "cartwright", members });
    } catch (error) {
      if (error.codeName !== "AlreadyInitialized") reason = error.message;
    }
    sleep(pauseMs);
  }
}

if (!isKnown("cartwright", MONGODB_PASSWORD)) {
  if (!isKnown("admin", MONGODB_ADMIN_PASSWORD)) {
    initiate();
    admin.createUser({ user: "admin", pwd: MONGODB_ADMIN_PASSWORD, roles: ["root"] });
    admin.auth("admin", MONGODB_ADMIN_PASSWORD);
  }
  const roles = [{ role: "readWrite", db: "cartwright" }];
  admin.createUser({ user: "cartwright", pwd: MONGODB_PASSWORD, roles });
}
