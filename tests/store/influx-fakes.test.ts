import { type InfluxServer, openInfluxStore } from '../../store/influx.ts'
import { openInflux2 } from '../../store/influx2.ts'
import { openInflux3 } from '../../store/influx3.ts'
import { openSqlite } from '../../store/sqlite.ts'
import { startFakeInflux2, startFakeInflux3 } from '../support/fake-influx.ts'
import { withRollups } from './influx-rollups.ts'
import { describeReadingStore, type OpenedStore } from './reading-store-contract.ts'

const timeoutMs = 10_000

function openOver(server: InfluxServer, fake: { close(): Promise<void> }): OpenedStore {
  const file = openSqlite(':memory:')
  const open = () => openInfluxStore(server, withRollups(file))
  return {
    store: open(),
    reopen: async () => open(),
    async close() {
      file.close()
      await fake.close()
    },
  }
}

describeReadingStore(
  'InfluxDB 2.x, a fake from its documentation',
  async () => {
    const org = 'Ville d’essai'
    const token = 'token'
    const fake = await startFakeInflux2({ org, token })
    const server = openInflux2({ url: fake.url, org, token, bucket: 'parvis "x"', timeoutMs })
    return openOver(server, fake)
  },
  { runs: 10, keepsReception: false },
)

describeReadingStore(
  'InfluxDB 3, a fake from its documentation',
  async () => {
    const fake = await startFakeInflux3()
    return openOver(openInflux3({ url: fake.url, database: 'parvis', timeoutMs }), fake)
  },
  { runs: 6, keepsReception: false, removes: false },
)
