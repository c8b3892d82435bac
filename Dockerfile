FROM node:26.10.0-bookworm-slim AS dependencies
WORKDIR /app
COPY package.json package-lock.json ./
# Nothing that runs in production has a script to run at its installation.
RUN npm ci --omit=dev --ignore-scripts --no-audit --no-fund

FROM node:26.10.0-bookworm-slim
ENV NODE_ENV=production HOST=0.0.0.0 DATA_DIR=/data MAIL_DIR=/tmp/mail
WORKDIR /app
COPY --from=dependencies /app/node_modules ./node_modules
COPY package.json LICENSE ./
COPY commands ./commands
COPY projections ./projections
COPY src ./src
# A volume that is made for one of them takes over whose it is. Else nothing is written but to /tmp.
RUN mkdir /data /mail && chown node:node /data /mail
VOLUME /data
USER node
EXPOSE 3000
# It finishes what it has accepted, within 30 seconds: give it 35 (docker stop -t 35).
STOPSIGNAL SIGTERM
# 503 is only for a server that cannot take commands; one that is degraded goes on.
HEALTHCHECK --interval=10s --timeout=8s --start-period=90s --retries=3 \
  CMD ["node", "-e", "fetch(`http://127.0.0.1:${process.env.PORT || 3000}/health/ready`, { signal: AbortSignal.timeout(7000) }).then(({ ok }) => process.exit(ok ? 0 : 1), () => process.exit(1))"]
CMD ["node", "src/main.js"]
