import { expect, onTestFinished, test, vi } from 'vitest'
import { formats, models } from '../../devices/catalogue.ts'
import { compileDecoder } from '../../devices/codec.ts'
import { type Ingest, openIngest } from '../../ingest/ingest.ts'
import { addDevice, updateDevice } from '../../inventory/devices.ts'
import { addModel, updateModel } from '../../inventory/models.ts'
import { requestReplay } from '../../inventory/requests.ts'
import type { Access } from '../../store/access.ts'
import { openEmbeddedStore } from '../../store/embedded.ts'
import { openIngestReader } from '../../store/ingest-reader.ts'
import { type Journal, journalFolder, openJournal } from '../../store/journal.ts'
import { freshCodec, hostileCodecs } from '../support/codecs.ts'
import { makeAccess, makeFolder } from '../support/registry.ts'
import { until } from '../support/until.ts'

const table = { fields: [{ path: 'temperature', quantity: 'temperature' as const }], ignored: ['runs'] }

// Ingest over a folder of its own, with a journal to append to.
async function start() {
  const dataDir = makeFolder()
  const access = await makeAccess(dataDir)
  const journal = await openJournal({
    folder: journalFolder(dataDir),
    maxBytes: 1 << 30,
    maxDays: 30,
    confirmedSeq: () => 0,
    log: () => {},
  })
  const open = () =>
    openIngest({
      dataDir,
      registry: access.registry,
      catalogue: { models, formats, compileDecoder },
      openStore: (database) => openEmbeddedStore(database),
      horizonDays: 730,
      zone: 'Europe/Paris',
      log: () => {},
    })
  const reader = openIngestReader(dataDir)
  onTestFinished(async () => {
    reader.close()
    await journal.close()
  })
  return { access, journal, open, reader }
}

function publish(journal: Journal, deviceId: string, payload: Uint8Array | string): Promise<void> {
  return new Promise((resolve, reject) => {
    const uplink = {
      clientId: deviceId,
      topic: `devices/${deviceId}/up`,
      payload: Buffer.from(payload),
      receivedAt: Date.now(),
    }
    journal.append(uplink, (error) => (error === null ? resolve() : reject(error)))
  })
}

async function runUntil(ingest: Ingest, condition: () => boolean) {
  await until(async () => {
    await ingest.step()
    return condition()
  }, 25_000)
}

async function addScript(access: Access, id: string, source: string) {
  await addModel(access, { id, label: id, source, table })
  await addDevice(access, { id: `${id}-1`, model: id })
}

test('hostile codecs become dead letters; others are neither late nor wrong', async () => {
  const { access, journal, open, reader } = await start()
  const hostile = Object.entries(hostileCodecs).map(([name, each], i) => ({ id: `hostile-${i}`, name, ...each }))
  for (const { id, source } of hostile) await addScript(access, id, source)
  await addScript(access, 'good', freshCodec)
  await addDevice(access, { id: 'plain', model: 'generic-json' })
  const ingest = open()
  for (const { id } of hostile) await publish(journal, `${id}-1`, Uint8Array.of(0, 215))
  await publish(journal, 'good-1', Uint8Array.of(0, 215))
  await publish(journal, 'plain', '{"readings":{"fill_level":50}}')

  // The device on a built-in model is stored while hostile codecs still hang.
  await runUntil(ingest, () => reader.latestOf(['plain']).length === 1)
  expect(ingest.cursor).toBeLessThan(hostile.length + 2)
  await runUntil(ingest, () => ingest.cursor === hostile.length + 2)
  await ingest.dispose()

  expect(reader.latestOf(['good-1']).map(({ quantity, value }) => [quantity, value])).toEqual([['temperature', 21.5]])
  const letters = new Map(reader.deadLetters({ limit: 100 }).map((each) => [each.deviceId, each.reason]))
  for (const { id, name, kind } of hostile)
    expect([name, letters.get(`${id}-1`)]).toEqual([name, kind === 'timeout' ? 'codec_timeout' : 'codec_error'])
  expect(letters.size).toBe(hostile.length)
})

test('codecs begin while readings are gathered; a dead letter brings what was gathered with it', async () => {
  const { access, journal, open, reader } = await start()
  await addScript(access, 'good', freshCodec)
  await addScript(access, 'failing', `function decodeUplink() { throw new Error('no') }`)
  await addDevice(access, { id: 'plain', model: 'generic-json' })
  const ingest = open()
  // The clock by which commits are gathered stands still from here on.
  const clock = vi.spyOn(performance, 'now').mockReturnValue(10_000)
  onTestFinished(() => clock.mockRestore())
  const gather = () => ingest.step({ gathers: true })

  await publish(journal, 'plain', '{"readings":{"fill_level":50}}')
  await gather()
  expect(ingest.cursor).toBe(1)
  await publish(journal, 'plain', '{"readings":{"fill_level":60}}')
  await publish(journal, 'good-1', Uint8Array.of(0, 215))
  await until(async () => {
    await gather()
    return ingest.codecs.runs === 1
  }, 25_000)
  expect(ingest.cursor).toBe(1)
  clock.mockReturnValue(10_300)
  await until(async () => {
    await gather()
    return ingest.cursor === 3
  })
  expect(reader.latestOf(['good-1'])).toMatchObject([{ value: 21.5 }])

  await publish(journal, 'plain', '{"readings":{"fill_level":70}}')
  await gather()
  expect(ingest.cursor).toBe(3)
  await publish(journal, 'failing-1', Uint8Array.of(1))
  await until(async () => {
    await gather()
    return ingest.cursor === 5
  })
  expect(reader.deadLetters({ limit: 10 })).toMatchObject([{ deviceId: 'failing-1', reason: 'codec_error' }])
  expect(reader.latestOf(['plain'])).toMatchObject([{ value: 70 }])
  await ingest.dispose()
})

test('what was not answered before a stop is decoded again after it', async () => {
  const { access, journal, open, reader } = await start()
  await addScript(access, 'slow', hostileCodecs['an endless loop']!.source)
  await addScript(access, 'good', freshCodec)
  await publish(journal, 'slow-1', Uint8Array.of(0, 1))
  await publish(journal, 'good-1', Uint8Array.of(0, 215))
  const first = open()
  await first.step()
  expect(first.cursor).toBe(0)
  await first.dispose()
  const second = open()
  await runUntil(second, () => second.cursor === 2)
  await second.dispose()
  expect(reader.latestOf(['good-1'])).toMatchObject([{ value: 21.5 }])
  expect(reader.deadLetters({ limit: 10 })).toMatchObject([{ deviceId: 'slow-1', reason: 'codec_timeout' }])
})

test('a codec that hangs is suspended, and runs again once it is mended; a replay reads what was lost', async () => {
  const { access, journal, open, reader } = await start()
  await addScript(access, 'slow', hostileCodecs['an endless loop']!.source)
  for (let i = 0; i < 8; i++) await publish(journal, 'slow-1', Uint8Array.of(0, 100 + i))
  const ingest = open()
  await runUntil(ingest, () => ingest.cursor === 8)
  expect(ingest.codecs.runs).toBe(5)
  expect(reader.deadLetters({ limit: 10 }).map(({ faults }) => faults[0]!.code)).toEqual([
    ...Array.from({ length: 3 }, () => 'codec_suspended'),
    ...Array.from({ length: 5 }, () => 'codec_timeout'),
  ])
  await updateModel(access, 'slow', { source: freshCodec })
  const { id } = await requestReplay(access, { deviceId: 'slow-1' })
  await runUntil(ingest, () => reader.replay(id)?.state === 'done')
  await ingest.dispose()
  expect(reader.replay(id)).toMatchObject({ uplinks: 8, readings: 8, deadLetters: 0 })
  expect(reader.latestOf(['slow-1'])).toMatchObject([{ quantity: 'temperature', value: 10.7 }])
  expect(reader.deadLetters({ limit: 10 })).toEqual([])
})

test('a table alone reads JSON without code, and a mended table counts from then on', async () => {
  const { access, journal, open, reader } = await start()
  await addModel(access, {
    id: 'json',
    label: 'JSON',
    table: { fields: [{ path: 'state.temp', quantity: 'temperature', unit: '[degF]' }], ignored: [] },
  })
  await addDevice(access, { id: 'box', model: 'json' })
  const ingest = open()
  await publish(journal, 'box', '{"state":{"temp":50}}')
  await runUntil(ingest, () => reader.latestOf(['box']).length === 1)
  expect(reader.latestOf(['box'])).toMatchObject([{ quantity: 'temperature', value: 10 }])
  await updateModel(access, 'json', {
    table: { fields: [{ path: 'state.temp', quantity: 'temperature' }], ignored: [] },
  })
  await until(async () => {
    await publish(journal, 'box', '{"state":{"temp":50}}')
    await ingest.step()
    return reader.latestOf(['box'])[0]!.value === 50
  })
  await updateDevice(access, 'box', { model: 'generic-json' })
  await ingest.dispose()
})
