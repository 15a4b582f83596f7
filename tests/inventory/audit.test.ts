import { appendFileSync, readFileSync, truncateSync, writeFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { addAsset, removeAsset, updateAsset } from '../../inventory/assets.ts'
import { checkAudit } from '../../inventory/audit-check.ts'
import { addDevice, removeDevice, revokeDevice, updateDevice } from '../../inventory/devices.ts'
import { readHistory } from '../../inventory/history.ts'
import { importAssets } from '../../inventory/import-assets.ts'
import { importDevices } from '../../inventory/import-devices.ts'
import {
  correctInstallation,
  install,
  removeInstallation,
  swapDevice,
  uninstall,
} from '../../inventory/installations.ts'
import { addIntegration, revokeIntegration } from '../../inventory/integrations.ts'
import { requestReplay } from '../../inventory/requests.ts'
import { addToken, revokeToken } from '../../inventory/tokens.ts'
import { type Access, openAccess } from '../../store/access.ts'
import { type AuditHead, emptyHash, hashEntry, startDigest } from '../../store/audit.ts'
import { auditHeadsFile } from '../../store/audit-heads.ts'
import { makeAccess, refusal } from '../support/registry.ts'

/** Every kind of change once; answers what must never be written down. */
async function makeHistory(access: Access): Promise<string[]> {
  const secrets: string[] = []
  for (const id of ['bin', 'lamp', 'gone'])
    await addAsset(access, { id, kind: 'bench', label: id, service: 'Propreté' })
  await updateAsset(access, 'bin', { label: 'Banc du marché' })
  await removeAsset(access, 'gone')
  for (const id of ['d', 'e', 'f', 'g']) secrets.push((await addDevice(access, { id, model: 'generic-json' })).secret)
  const chosen = 'a-secret-that-someone-chose'
  await addDevice(access, { id: 'h', model: 'generic-json', secret: chosen })
  await updateDevice(access, 'd', { label: 'Sonde' })
  await revokeDevice(access, 'g')
  await removeDevice(access, 'f')
  const { id } = await install(access, { deviceId: 'd', assetId: 'bin', installedAt: 1000 })
  await correctInstallation(access, id, { calibration: { fill: { emptyM: 2, fullM: 1 } } })
  await swapDevice(access, { oldDeviceId: 'd', newDeviceId: 'e', at: 2000 })
  await uninstall(access, { deviceId: 'e', removedAt: 3000 })
  await removeInstallation(access, (await install(access, { deviceId: 'd', assetId: 'lamp', installedAt: 5000 })).id)
  const token = await addToken(access, { role: 'viewer', name: 'Écran', services: ['Propreté'] })
  await revokeToken(access, token.id)
  const network = await addIntegration(access, { name: 'net', format: 'chirpstack-v4', topics: ['application/#'] })
  await revokeIntegration(access, 'net')
  await importAssets(access, 'id,kind,label\nx1,bench,un\nx2,bench,deux')
  const imported = await importDevices(access, 'id,model,assetId\ny1,generic-json,x1\ny2,generic-json,')
  await requestReplay(access, { deviceId: 'd' })
  secrets.push(chosen, token.token, network.secret, ...imported.devices.map((each) => each.secret))
  const { registry } = access
  for (const { secret } of await registry.selectFrom('devices').select('secret').execute()) secrets.push(secret)
  for (const { hash } of await registry.selectFrom('tokens').select('hash').execute()) secrets.push(hash)
  return secrets
}

test('every change is in the audit, and no secret', async () => {
  const access = await makeAccess()
  const secrets = await makeHistory(access)
  const report = await checkAudit(access)
  expect(report.found).toEqual([])
  const { revision } = await access.registry.selectFrom('change_counter').select('revision').executeTakeFirstOrThrow()
  expect([report.entries, report.head?.revision]).toEqual([revision, revision])
  expect(await checkAudit(access, report.head!.hash)).toEqual(report)
  expect((await checkAudit(access, 'f'.repeat(64))).found).toHaveLength(1)
  const written = JSON.stringify([
    await access.registry.selectFrom('audit_entries').selectAll().execute(),
    await access.registry.selectFrom('audit_rows').selectAll().execute(),
  ])
  expect(secrets.length).toBeGreaterThan(15)
  for (const secret of secrets) expect(written).not.toContain(secret)
})

test('a change that is refused, and one that changes nothing, leave no entry', async () => {
  const access = await makeAccess()
  await addAsset(access, { id: 'a', kind: 'bench', label: 'a' })
  expect(await refusal(addAsset(access, { id: 'a', kind: 'bench', label: 'a' }))).toBe('already_exists')
  await addToken(access, { role: 'viewer' }).then(({ id }) =>
    revokeToken(access, id).then(() => revokeToken(access, id)),
  )
  expect((await checkAudit(access)).entries).toBe(3)
})

test('a history tells who, when, what before and after, and why', async () => {
  const { registry } = await makeAccess()
  const at = (name: string, reason: string | null) =>
    openAccess(registry, { kind: 'token', id: `token-${name}`, name }, { reason })
  await addAsset(at('Anne', null), { id: 'a', kind: 'bench', label: 'a', service: 'Propreté' })
  await addAsset(at('Anne', null), { id: 'b', kind: 'bench', label: 'b', service: 'Voirie' })
  for (const id of ['d', 'e']) await addDevice(at('Anne', null), { id, model: 'generic-json' })
  await install(at('Bruno', 'pose'), { deviceId: 'd', assetId: 'a', installedAt: 1000 })
  await swapDevice(at('Chloé', 'pile morte'), { oldDeviceId: 'd', newDeviceId: 'e', at: 2000 })
  const { items } = await readHistory(at('Anne', null), 'asset', 'a', { limit: 10 })
  expect(
    items.map(({ actor, reason, kind, before, after }) => [
      actor.name,
      reason,
      kind,
      before?.removedAt,
      after?.removedAt ?? after?.deviceId,
    ]),
  ).toEqual([
    ['Chloé', 'pile morte', 'installation', null, 2000],
    ['Chloé', 'pile morte', 'installation', undefined, 'e'],
    ['Bruno', 'pose', 'installation', undefined, 'd'],
    ['Anne', null, 'asset', undefined, undefined],
  ])
  const first = await readHistory(at('Anne', null), 'asset', 'a', { limit: 1 })
  const second = await readHistory(at('Anne', null), 'asset', 'a', { limit: 3, cursor: first.next! })
  expect([...first.items, ...second.items]).toEqual(items)
  // An installation that is moved to another service's asset is seen as far as it was here.
  const [open] = (await readHistory(at('Anne', null), 'device', 'e', { limit: 1 })).items
  await correctInstallation(at('Anne', 'erreur'), open!.id, { assetId: 'b' })
  const limited = openAccess(registry, { kind: 'token', id: 't', name: null }, { services: ['Propreté'] })
  const [moved] = (await readHistory(limited, 'asset', 'a', { limit: 1 })).items
  expect([moved!.before?.assetId, moved!.after]).toEqual(['a', null])
  expect(await refusal(readHistory(limited, 'asset', 'b', { limit: 1 }))).toBe('not_found')
  expect(await refusal(readHistory(limited, 'device', 'e', { limit: 1 }))).toBe('not_found')
})

type Tables = Access['registry']

const tampering: Record<string, (registry: Tables, head: AuditHead) => Promise<unknown>> = {
  'a change that says something else': (registry) =>
    registry.updateTable('audit_rows').set({ after: '{"label":"Banc"}' }).where('revision', '=', 4).execute(),
  'a change of another object': (registry) =>
    registry.updateTable('audit_rows').set({ object_id: 'lamp' }).where('revision', '=', 4).execute(),
  'another name': (registry) =>
    registry.updateTable('audit_entries').set({ actor_name: 'Someone' }).where('revision', '=', 5).execute(),
  'another reason': (registry) =>
    registry.updateTable('audit_entries').set({ reason: 'asked to' }).where('revision', '=', 5).execute(),
  'another time': (registry) =>
    registry.updateTable('audit_entries').set({ recorded_at: 1 }).where('revision', '=', 5).execute(),
  'a change that is cut out': (registry) =>
    registry.deleteFrom('audit_rows').where('kind', '=', 'installation').where('position', '=', 1).execute(),
  'a change that is put in': (registry) =>
    registry
      .insertInto('audit_rows')
      .values({ revision: 4, position: 9, kind: 'asset', object_id: 'x1', before: null, after: null })
      .execute(),
  'changes of no entry': (registry) =>
    registry
      .insertInto('audit_rows')
      .values({ revision: 4000, position: 0, kind: 'asset', object_id: 'x1', before: null, after: null })
      .execute(),
  'an entry that is cut out': (registry) => removeFrom(registry, (revision) => revision === 6),
  'the first entry that is cut out': (registry) => removeFrom(registry, (revision) => revision === 1),
  'the last entry that is cut off': (registry, head) => removeFrom(registry, (revision) => revision === head.revision),
  'half of it that is cut off': (registry, head) => removeFrom(registry, (revision) => revision > head.revision / 2),
  'all of it that is gone': (registry) => removeFrom(registry, () => true),
  'two entries that change places': async (registry) => {
    for (const [from, to] of [
      [7, 7000],
      [8, 7],
      [7000, 8],
    ] as const)
      for (const table of ['audit_entries', 'audit_rows'] as const)
        await registry.updateTable(table).set({ revision: to }).where('revision', '=', from).execute()
  },
  'a chain that was made anew': async (registry) => {
    await registry.updateTable('audit_rows').set({ after: '{"label":"Banc"}' }).where('revision', '=', 4).execute()
    await forge(registry)
  },
  'an asset that was changed behind its back': (registry) =>
    registry.updateTable('assets').set({ label: 'Banc' }).where('id', '=', 'bin').execute(),
  'an installation that was removed behind its back': (registry) =>
    registry.deleteFrom('installations').where('device_id', '=', 'e').execute(),
  'a device that was brought back to life': (registry) =>
    registry.updateTable('devices').set({ life_cycle: 'active' }).where('id', '=', 'g').execute(),
  'a token that nobody made': async (registry) => {
    const [token] = await registry.selectFrom('tokens').selectAll().execute()
    const made = { ...token!, id: 'another', hash: '0', role: 'admin', revoked_at: null }
    await registry.insertInto('tokens').values(made).execute()
  },
}

async function removeFrom(registry: Tables, isChosen: (revision: number) => boolean) {
  for (const { revision } of await registry.selectFrom('audit_entries').select('revision').execute()) {
    if (!isChosen(revision)) continue
    for (const table of ['audit_entries', 'audit_rows'] as const)
      await registry.deleteFrom(table).where('revision', '=', revision).execute()
  }
}

/** Makes digests and hashes agree again, as one who knows how they are made would. */
async function forge(registry: Tables) {
  let previous = emptyHash
  for (const { hash: _, ...entry } of await registry
    .selectFrom('audit_entries')
    .selectAll()
    .orderBy('revision')
    .execute()) {
    const digest = startDigest()
    const rows = registry.selectFrom('audit_rows').selectAll().where('revision', '=', entry.revision)
    for (const row of await rows.orderBy('position').execute()) digest.add(row)
    const forged = { ...entry, digest: digest.finish() }
    previous = hashEntry(previous, forged)
    await registry
      .updateTable('audit_entries')
      .set({ ...forged, hash: previous })
      .where('revision', '=', entry.revision)
      .execute()
  }
}

test.each(Object.keys(tampering))('%s is found', async (name) => {
  const access = await makeAccess()
  await makeHistory(access)
  const { head, found } = await checkAudit(access)
  expect(found).toEqual([])
  await tampering[name]!(access.registry, head!)
  const after = await checkAudit(access)
  expect(after.found.length).toBeGreaterThan(0)
})

test('a chain that was made anew contradicts a head that was noted down, the copy apart', async () => {
  const access = await makeAccess()
  await makeHistory(access)
  const { head } = await checkAudit(access)
  await access.registry.updateTable('audit_entries').set({ reason: 'asked to' }).where('revision', '=', 5).execute()
  await forge(access.registry)
  writeFileSync(auditHeadsFile(access.registry.dataDir), '')
  expect((await checkAudit(access)).found).toEqual([])
  expect((await checkAudit(access, head!.hash)).found).toEqual([`no entry of the audit has the hash ${head!.hash}`])
})

test('a copy that a power cut left unfinished, or that lacks an entry, is no tampering', async () => {
  const access = await makeAccess()
  await makeHistory(access)
  const file = auditHeadsFile(access.registry.dataDir)
  truncateSync(file, readFileSync(file).length - 30)
  expect((await checkAudit(access)).found).toEqual([])
  await addAsset(access, { id: 'after', kind: 'bench', label: 'after' })
  expect((await checkAudit(access)).found).toEqual([])
  const { head } = await checkAudit(access)
  await removeFrom(access.registry, (revision) => revision === head!.revision)
  expect((await checkAudit(access)).found).toContain(`entry ${head!.revision} of the audit is missing`)
  appendFileSync(file, '\n12')
  expect((await checkAudit(access)).found.length).toBeGreaterThan(0)
})
