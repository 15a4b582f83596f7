import { parseArgs } from 'node:util'
import { startBatchingScript, startNodeRedStack } from './peers/subjects.ts'
import { describeDisk } from './support/disk.ts'
import { startParvis } from './support/platform.ts'
import { medians, type Row, report, round } from './support/report.ts'
import { type Contestant, type Figures, type Load, measureInTurns } from './support/stored.ts'

/*
 * From publish to stored (support/stored.ts), 200 clients. At saturation each keeps 10 messages in flight until a number of
 * messages is published; then messages come at a rate.
 *
 * Options: --repeats N, --seconds N (of a rate), --messages N (at saturation), --only name,name, --json.
 */

const { values: options } = parseArgs({
  options: {
    repeats: { type: 'string', default: '3' },
    seconds: { type: 'string', default: '10' },
    messages: { type: 'string', default: '200000' },
    only: { type: 'string', default: 'parvis,script,node-red' },
    json: { type: 'boolean', default: false },
  },
})
const warmUpMessages = 20_000

const rates = [20_000, 15_000, 1000]
const everyLoad: Load[] = [
  { name: 'saturation', messages: Number(options.messages) },
  ...rates.map((rate) => ({
    name: `${rate.toLocaleString('en-GB')}/s`,
    rate,
    messages: rate * Number(options.seconds),
  })),
]
// Node-RED as its users wire it writes each message by itself: a tenth of the messages says as much.
const slowLoads = everyLoad
  .filter(({ rate = 1 }) => rate <= 1000)
  .map((load) => (load.rate === undefined ? { ...load, messages: load.messages / 10 } : load))

const everyContestant: Contestant[] = [
  { name: 'parvis', label: 'Parvis', start: startParvis, loads: everyLoad, warmUp: warmUpMessages },
  {
    name: 'script',
    label: 'Mosquitto, script, InfluxDB 1.6',
    start: startBatchingScript,
    loads: everyLoad,
    warmUp: warmUpMessages,
  },
  {
    name: 'node-red',
    label: 'Mosquitto, Node-RED 5, InfluxDB 1.6',
    start: startNodeRedStack,
    loads: slowLoads,
    warmUp: warmUpMessages / 10,
  },
]
const contestants = everyContestant.filter(({ name }) => options.only.split(',').includes(name))

const disk = await describeDisk()
const runs = await measureInTurns(contestants, Number(options.repeats))

const ours = new Map<string, Figures>()
const rows: Row[] = []
for (const load of everyLoad)
  for (const { name, label } of contestants) {
    const run = runs.get(`${load.name}\n${name}`)
    if (run === undefined) continue
    const figures = medians(run.figures)
    if (name === 'parvis') ours.set(load.name, figures)
    const parvis = name === 'parvis' ? undefined : ours.get(load.name)
    rows.push({
      load: load.name,
      system: label,
      'stored/s': round(figures.storedPerS),
      'acknowledged/s': round(figures.acknowledgedPerS),
      'PUBACK p50 ms': round(figures.p50Ms),
      'PUBACK p99 ms': round(figures.p99Ms),
      'CPU s per 100,000': round(figures.cpuPer100k),
      '% of a core': round(figures.corePercent),
      lost: run.figures.reduce((sum, each) => sum + each.lost, 0),
      'Parvis: rate': parvis === undefined ? null : `${round(parvis.storedPerS / figures.storedPerS)} x`,
      'Parvis: CPU': parvis === undefined ? null : `${round(parvis.cpuPer100k / figures.cpuPer100k)} x`,
    })
  }
report({ name: 'way', rows, notes: [disk], runs: [...runs.values()] })
if (rows.some(({ system, lost }) => system === 'Parvis' && lost !== 0)) {
  console.error('Some messages were acknowledged and are not in the store.')
  process.exitCode = 1
}
