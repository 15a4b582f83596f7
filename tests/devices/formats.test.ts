import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import fc from 'fast-check'
import { describe, expect, onTestFinished, test, vi } from 'vitest'
import { formats } from '../../devices/catalogue.ts'
import { isDeviceId } from '../../domain/id.ts'
import { formatTime } from '../../domain/time.ts'
import {
  bytesOf,
  formatsFolder,
  listFolders,
  readDownlinkExamples,
  readFormatExamples,
  receivedAt,
  writeFaults,
  writeReadings,
} from './examples.ts'

const context = { receivedAt, zone: 'Europe/Paris' }

test('every format folder is in the catalogue, and the other way round', () => {
  expect(listFolders(formatsFolder)).toEqual([...formats.keys()].sort())
})

function toBytes(value: unknown): Uint8Array {
  return new TextEncoder().encode(JSON.stringify(value))
}

/** A message with one of its values, at any depth, replaced by another, or left out. */
function mutate(message: unknown): fc.Arbitrary<unknown> {
  if (typeof message !== 'object' || message === null)
    return fc.oneof(fc.constant(message), fc.jsonValue(), fc.constant(undefined))
  const keys = Object.keys(message)
  if (keys.length === 0) return fc.constant(message)
  return fc
    .constantFrom(...keys)
    .chain((key) =>
      fc
        .oneof(mutate((message as Record<string, unknown>)[key]), fc.jsonValue())
        .map((value) =>
          Array.isArray(message)
            ? message.map((each, index) => (String(index) === key ? value : each))
            : { ...message, [key]: value },
        ),
    )
}

for (const [id, format] of formats)
  describe(id, () => {
    const examples = readFormatExamples(id)

    for (const example of examples)
      test(`${example.sort}: ${example.name}`, () => {
        const envelope = format.open(example.topic, bytesOf(example.payload), context)
        const wanted = example.envelope
        if (envelope === null || wanted === null) return expect(envelope).toBe(wanted)
        expect(envelope.deviceId).toBe(wanted.deviceId)
        expect(envelope.observedAt === undefined ? undefined : formatTime(envelope.observedAt)).toBe(wanted.observedAt)
        expect(envelope.payload).toEqual(wanted.frame === undefined ? null : bytesOf(wanted.frame))
        expect(envelope.port).toBe(wanted.port)
        expect(envelope.frame).toEqual(wanted.identity)
        expect(envelope.decoded?.object).toEqual(wanted.decoded?.object)
        expect(writeReadings(envelope.decoded?.readings ?? [])).toEqual(wanted.decoded?.readings ?? [])
        expect(writeReadings(envelope.readings)).toEqual(wanted.readings ?? [])
        expect(writeFaults(envelope.faults, wanted.faults ?? [])).toEqual(wanted.faults ?? [])
        expect(envelope.answer).toEqual(wanted.answer)
      })

    for (const { name, uplinkTopic, command, topic, payload = null } of readDownlinkExamples(id))
      test(`command: ${name}`, () => {
        vi.useFakeTimers({ now: receivedAt, toFake: ['Date'] })
        onTestFinished(() => void vi.useRealTimers())
        const { hex = '', port = null, confirmed = false, data = null, ...ids } = command
        expect(format.downlink!.replyTopic(uplinkTopic)).toBe(topic)
        const written = format.downlink!.write({ ...ids, bytes: Buffer.from(hex, 'hex'), port, confirmed, data })
        if (payload === null || written === null) return expect(written).toBe(payload)
        if ('json' in payload) expect(JSON.parse(Buffer.from(written).toString())).toEqual(payload.json)
        else expect(Buffer.from(written)).toEqual(Buffer.from(bytesOf(payload)))
      })

    test('has examples of commands where it has a way back', () => {
      expect(readDownlinkExamples(id).length > 0).toBe(format.downlink !== undefined)
    })

    test('has examples of the three sorts, and a README that names it', () => {
      expect(new Set(examples.map((example) => example.sort))).toEqual(new Set(['success', 'boundary', 'failure']))
      expect(readFileSync(join(formatsFolder, id, 'README.md'), 'utf8')).toContain(`\`${id}\``)
    })

    test('never throws, and names a device that can be one, whatever comes', () => {
      const topics = fc.oneof(fc.constantFrom(...examples.map(({ topic }) => topic)), fc.string())
      const messages = fc.oneof(
        {
          weight: 4,
          arbitrary: fc
            .constantFrom(...examples.flatMap(({ payload }) => ('json' in payload ? [payload.json] : [])))
            .chain(mutate)
            .map(toBytes),
        },
        fc.uint8Array({ maxLength: 200 }),
        fc.json().map((text) => new TextEncoder().encode(text)),
      )
      fc.assert(
        fc.property(topics, messages, (topic, payload) => {
          const envelope = format.open(topic, payload, context)
          if (envelope === null) return
          if (envelope.deviceId === null) expect(envelope.faults.length > 0).toBe(envelope.answer === undefined)
          else expect(isDeviceId(envelope.deviceId)).toBe(true)
          for (const { value } of envelope.readings) expect(typeof value).toBe('number')
        }),
      )
    })
  })
