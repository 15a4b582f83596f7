/** Bounds of a bridge. Sizes are bytes, times are milliseconds. */
export const bridgeLimits = {
  /** From the first attempt to the answer to CONNECT. */
  connectTimeoutMs: 15_000,
  keepAliveS: 30,
  /** How long the other side may take to answer a PINGREQ: a half-open connection is found by it. */
  pingTimeoutMs: 10_000,
  /** Between attempts: doubled from the first to the longest, each between a half and one and a half of it. */
  firstRetryMs: 1000,
  longestRetryMs: 60_000,
  /** A connection that lasted this long was a good one: the next attempt begins with the shortest pause. */
  goodAfterMs: 30_000,
  /** What waits for the journal; past either the socket is not read until half of it is left. */
  pendingUplinks: 4000,
  pendingBytes: 8 << 20,
  /** On close, how long what was read may take to be journaled and acknowledged. */
  closeTimeoutMs: 2000,
  /** Packet identifiers of what is sent begin here; those of SUBSCRIBE and UNSUBSCRIBE are below. */
  firstSentId: 16,
  /** What was sent and is not acknowledged, and what the socket has not taken: past either no more is sent. */
  awaitedSent: 1000,
  unsentBytes: 1 << 20,
  /** How often the registry is asked what changed. */
  registryPollMs: 500,
  /** Of the journal's end, looked through at the start for messages that may come again. */
  recalledUplinks: 100_000,
} as const
