import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { openJournal } from '../store/journal.ts'
import type { Access } from './access.ts'
import { startBroker } from './broker.ts'

/*
 * The real broker and journal with an access policy that admits everyone to everything, on the loopback address only,
 * for the test suites of MQTT. The journal is a temporary folder, removed at the end.
 */

const { values } = parseArgs({ options: { port: { type: 'string' } } })
const port = Number(values.port)
if (!Number.isInteger(port) || port < 0 || port > 65_535) {
  console.error('usage: npm run conformance-broker -- --port N')
  process.exit(2)
}

// Paho's suite publishes to `$TopicA/B`, to see that no wildcard takes it; to 3.1.1 `$share` is a topic like another.
const topics = ['#', '$TopicA/#', '$share/#']
// What it subscribes to, to see that it is refused.
const refused = ['nosubscribe', 'test/nosubscribe']
const admitAll: Access = {
  authenticate: async (clientId) => ({ kind: 'anyone', name: clientId, topics, refused }),
  watch: () => () => {},
}

const folder = mkdtempSync(join(tmpdir(), 'parvis-conformance-'))
const journal = await openJournal({
  folder,
  maxBytes: 1 << 30,
  maxDays: 1,
  confirmedSeq: () => Number.MAX_SAFE_INTEGER,
  log: (level, text) => console.error(level, text),
})
const broker = await startBroker({
  host: '127.0.0.1',
  port,
  maxPacketBytes: 2 << 20,
  access: admitAll,
  journal,
  log: (level, text) => console.error(level, text),
})
console.log(`MQTT at 127.0.0.1:${broker.ports.mqtt}, everyone admitted`)

for (const signal of ['SIGTERM', 'SIGINT'] as const)
  process.on(signal, async () => {
    await broker.close()
    await journal.close()
    rmSync(folder, { recursive: true, force: true })
    process.exit(0)
  })
