import { type DataSet, deviceName, listQuestions, makeRandom } from '../store-data.ts'
import { openAsker, type Place } from './asker.ts'

/*
 * Another process that reads while a store is written: a day of one series, again and again, with a pause between. Takes
 * the place and the data set as JSON; ends at SIGTERM, and tells how often it was answered and how long that took.
 */

const pauseMs = 50

const { place, data } = JSON.parse(process.argv[2]!) as { place: Place; data: DataSet }
const asker = openAsker(place, data.devices)
const question = listQuestions(data)[1]!
const random = makeRandom(3)
const taken: number[] = []
let isOver = false
process.once('SIGTERM', () => {
  isOver = true
})
console.log('ready')
while (!isOver) {
  const begun = performance.now()
  await asker.ask(question, deviceName(Math.floor(random() * data.devices)))
  taken.push(performance.now() - begun)
  await new Promise((resolve) => setTimeout(resolve, pauseMs))
}
asker.close()
console.log(JSON.stringify({ answers: taken.length, medianMs: taken.sort((a, b) => a - b)[taken.length >> 1] ?? 0 }))
