import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { formats } from '../../devices/catalogue.ts'
import { isDeviceId } from '../../domain/id.ts'
import { formatTime } from '../../domain/time.ts'
import { bytesOf, formatsFolder, listFolders, readFormatExamples, writeFaults, writeReadings } from './examples.ts'

test('every format folder is in the catalogue, and the other way round', () => {
  expect(listFolders(formatsFolder)).toEqual([...formats.keys()].sort())
})

for (const [id, format] of formats)
  describe(id, () => {
    const examples = readFormatExamples(id)

    for (const example of examples)
      test(`${example.sort}: ${example.name}`, () => {
        const envelope = format.open(example.topic, bytesOf(example.payload))
        const wanted = example.envelope
        if (envelope === null || wanted === null) return expect(envelope).toBe(wanted)
        expect(envelope.deviceId).toBe(wanted.deviceId)
        expect(envelope.observedAt === undefined ? undefined : formatTime(envelope.observedAt)).toBe(wanted.observedAt)
        expect(envelope.payload).toEqual(wanted.frame === undefined ? null : bytesOf(wanted.frame))
        expect(envelope.port).toBe(wanted.port)
        expect(writeReadings(envelope.readings)).toEqual(wanted.readings ?? [])
        expect(writeFaults(envelope.faults, wanted.faults ?? [])).toEqual(wanted.faults ?? [])
      })

    test('has examples of the three sorts, and a README that names it', () => {
      expect(new Set(examples.map((example) => example.sort))).toEqual(new Set(['success', 'boundary', 'failure']))
      expect(readFileSync(join(formatsFolder, id, 'README.md'), 'utf8')).toContain(`\`${id}\``)
    })

    test('never throws, and names a device that can be one, whatever comes', () => {
      const message = fc.oneof(
        fc.uint8Array({ maxLength: 200 }),
        fc.json().map((text) => new TextEncoder().encode(text)),
        fc
          .record(
            {
              deviceInfo: fc.oneof(fc.record({ devEui: fc.oneof(fc.string(), fc.constant('a/b')) }), fc.jsonValue()),
              time: fc.jsonValue(),
              data: fc.oneof(fc.base64String(), fc.jsonValue()),
              fPort: fc.jsonValue(),
              fCnt: fc.jsonValue(),
              rxInfo: fc.oneof(fc.array(fc.record({ rssi: fc.jsonValue(), snr: fc.jsonValue() })), fc.jsonValue()),
            },
            { requiredKeys: [] },
          )
          .map((value) => new TextEncoder().encode(JSON.stringify(value))),
      )
      fc.assert(
        fc.property(
          fc.oneof(fc.string(), fc.constant('a/event/up'), fc.constant('a/b/up')),
          message,
          (topic, payload) => {
            const envelope = format.open(topic, payload)
            if (envelope === null) return
            if (envelope.deviceId === null) expect(envelope.faults).not.toEqual([])
            else expect(isDeviceId(envelope.deviceId)).toBe(true)
            for (const { value } of envelope.readings) expect(typeof value).toBe('number')
          },
        ),
      )
    })
  })
