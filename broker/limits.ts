/** Bounds of the broker: whatever a client can make grow has one here. Sizes are bytes, times are milliseconds. */
export const limits = {
  /** Largest first packet, before CONNECT is accepted. */
  connectBytes: 4096,
  /** From the opening of the socket to a CONNECT. */
  connectTimeoutMs: 10_000,
  /** A client that sets no keep-alive is dropped after this long without a byte. */
  idleMs: 24 * 3_600_000,
  connections: 50_000,
  /** Publishes of one client that wait for the disk; its socket is not read while there are more. */
  pendingPerClient: 256,
  /** QoS 2 publishes of one client that wait for PUBREL. */
  inflightPerClient: 1000,
  filtersPerClient: 100,
  topicLevels: 32,
  /** What a subscriber may leave unread before it is dropped. */
  unreadBytes: 1 << 20,
  drainTimeoutMs: 5000,
  /** Messages kept for a subscriber that is away. */
  queuedPerClient: 1000,
  /** How often the registry is asked what changed: a revoked client is gone within a second. */
  registryPollMs: 400,
} as const
