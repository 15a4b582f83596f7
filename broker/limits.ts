/** Bounds of the broker: whatever a client can make grow has one here. Sizes are bytes, times are milliseconds. */
export const limits = {
  connections: 50_000,
  /** Largest first packet; nothing more is read before CONNECT is accepted. */
  connectBytes: 4096,
  /** What comes over a WebSocket until then, a frame for each byte it may be. */
  webSocketConnectBytes: 64 << 10,
  /** From the opening of the socket to a whole CONNECT. */
  connectTimeoutMs: 10_000,
  /** Clients that are let in before it is the others' turn. */
  connectsPerTurn: 20,
  /** A packet that was begun has this long, and a second more for each of `slowestBytesPerS`. */
  packetTimeoutMs: 30_000,
  slowestBytesPerS: 1024,
  /** A client that sets no keep-alive is dropped after this long without a byte. */
  idleMs: 24 * 3_600_000,
  /** How often the times above are looked at. */
  sweepMs: 1000,

  /** Packets of one client that are handled before it is the others' turn. */
  packetsPerTurn: 16,
  /** Publishes of one client that wait for the disk; its socket is not read while there are more. */
  pendingPerClient: 256,
  /** QoS 2 publishes of one client that wait for PUBREL. */
  inflightPerClient: 1000,
  /** What a client may leave unread, acknowledgements included, before its own packets are read no further. */
  unreadBytesToWait: 64 << 10,
  /** What a subscriber may leave unread before it is dropped; so is one that reads nothing for `drainTimeoutMs`. */
  unreadBytes: 1 << 20,
  drainTimeoutMs: 5000,

  /** Messages that a subscriber has not acknowledged; it is dropped when there are more. */
  unacknowledgedPerClient: 10_000,
  filtersPerClient: 100,
  topicLevels: 32,
  /** Messages kept for a subscriber that is away, or has not acknowledged them. */
  queuedPerClient: 1000,
  /** Sessions that outlive their connections; and for how long. */
  sessionsMax: 100_000,
  sessionExpiryMs: 7 * 24 * 3_600_000,
  /** Payloads of retained messages: of one, and of all together. */
  retainedMessageBytes: 64 << 10,
  retainedBytes: 64 << 20,
  /** How often the registry is asked what changed: a revoked client is gone within a second. */
  registryPollMs: 400,
} as const
