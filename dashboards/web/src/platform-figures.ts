/** The numbers of the platform that the header tells, by their names in `/metrics`. */
export const platformFigures = [
  { key: 'connections', metric: 'parvis_broker_connected', isBytes: false },
  { key: 'journal', metric: 'parvis_broker_journal_bytes', isBytes: true },
  { key: 'lag', metric: 'parvis_ingest_lag', isBytes: false },
] as const
