// Run once at the end of an install: what the platform loads is compiled into the cache, so that its first start is as
// light as every later one.
await Promise.all(
  [
    '../broker/role.ts',
    '../ingest/ingest.ts',
    '../ingest/live-server.ts',
    '../api/start.ts',
    '../inventory/tokens.ts',
    '../thread.ts',
  ].map((each) => import(each)),
)
