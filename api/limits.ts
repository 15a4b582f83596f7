/** What one HTTP client may cost. Times are milliseconds, sizes bytes unless the name says otherwise. */
export const limits = {
  /** The whole request, body included, must have arrived by then. */
  requestTimeoutMs: 120_000,
  /** The header of a request must have arrived by then: a slow sender holds a connection no longer. */
  headersTimeoutMs: 10_000,
  /** A connection on which nothing moved for this long is closed; streams send a heartbeat more often than that. */
  connectionTimeoutMs: 60_000,
  keepAliveTimeoutMs: 20_000,
  maxHeaderBytes: 16 * 1024,
  maxHeaders: 100,
  maxConnections: 2000,
  maxJsonBytes: 2 ** 20,
  maxImportBytes: 32 * 2 ** 20,
  /** In UTF-16 code units, decoded: an id of 128 characters may need twice as many. */
  maxParamLength: 256,
  /** What network servers push: how long the broker may take, how many messages may wait for it, what a topic may be. */
  uplinkTimeoutMs: 10_000,
  maxUplinksWaiting: 1000,
  maxTopicBytes: 1024,
  maxTopicLevels: 32,
  /** On close, requests that still run are given this long. */
  closeTimeoutMs: 5000,
} as const
