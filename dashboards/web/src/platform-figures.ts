type Metrics = ReadonlyMap<string, number>

/** The numbers of the platform that the header tells, out of `/metrics`; undefined when a role does not tell them. */
export const platformFigures: readonly {
  key: 'connections' | 'journal' | 'lag'
  isBytes: boolean
  read(metrics: Metrics): number | undefined
}[] = [
  { key: 'connections', isBytes: false, read: (metrics) => metrics.get('parvis_broker_connections') },
  { key: 'journal', isBytes: true, read: (metrics) => metrics.get('parvis_broker_journal_bytes') },
  { key: 'lag', isBytes: false, read: readLag },
]

/** How many messages are in the journal and not yet stored. The two roles tell at different moments: never below 0. */
function readLag(metrics: Metrics): number | undefined {
  const written = metrics.get('parvis_broker_journal_last_seq')
  const read = metrics.get('parvis_ingest_cursor')
  return written === undefined || read === undefined ? undefined : Math.max(0, written - read)
}
