import { openInfluxStore } from '../../store/influx.ts'
import { openInflux2 } from '../../store/influx2.ts'
import { openInflux3 } from '../../store/influx3.ts'
import { startFakeInflux2, startFakeInflux3 } from '../support/fake-influx.ts'
import { describeReadingStore } from './reading-store-contract.ts'

const timeoutMs = 10_000

describeReadingStore(
  'InfluxDB 2.x, a fake from its documentation',
  async () => {
    const org = 'Ville d’essai'
    const token = 'token'
    const fake = await startFakeInflux2({ org, token })
    const open = () => openInfluxStore(openInflux2({ url: fake.url, org, token, bucket: 'parvis "x"', timeoutMs }))
    return { store: open(), reopen: async () => open(), close: fake.close }
  },
  { runs: 10, keepsReception: false },
)

describeReadingStore(
  'InfluxDB 3, a fake from its documentation',
  async () => {
    const fake = await startFakeInflux3()
    const open = () => openInfluxStore(openInflux3({ url: fake.url, database: 'parvis', timeoutMs }))
    return { store: open(), reopen: async () => open(), close: fake.close }
  },
  { runs: 10, keepsReception: false, removes: false },
)
