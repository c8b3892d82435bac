// Run by mongosh on the first member, from its own loopback: there the first user may be made without a password.
const primaryWithinMs = 60_000;
const { MONGODB_ADMIN_PASSWORD, MONGODB_PASSWORD } = process.env;
const admin = db.getSiblingDB("admin");

function isKnown(user, password) {
  try {
    return admin.auth(user, password).ok === 1;
  } catch {
    return false;
  }
}

function initiate() {
  const members = [1, 2, 3].map((n) => ({ _id: n, host: `mongodb-${n}:27017`, priority: n === 1 ? 2 : 1 }));
  try {
    rs.initiate({ _id: "cartwright", members });
  } catch (error) {
    if (error.codeName !== "AlreadyInitialized") throw error;
  }
  const endsAt = Date.now() + primaryWithinMs;
  while (!db.hello().isWritablePrimary) {
    if (Date.now() > endsAt) throw new Error(`no primary here within ${primaryWithinMs} ms`);
    sleep(500);
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
