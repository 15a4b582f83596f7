import { setImmediate } from 'node:timers/promises'
import { models } from '../devices/catalogue.ts'
import { type Asset, type AssetLifeCycle, type AssetLine, assetLineSchema, newAssetSchema } from '../domain/asset.ts'
import { describeProblem, Problem } from '../domain/problem.ts'
import type { Access } from '../store/access.ts'
import { type Change, inParts, mutate } from '../store/registry.ts'
import type { AssetTable } from '../store/registry-tables.ts'
import { chooseService } from '../store/scope.ts'
import { hashGenerated, newSecret } from '../store/secrets.ts'
import { checkMove, claimNumbers, toAsset, toRow } from './assets.ts'
import type { LineError } from './csv.ts'
import { toDevice, toDeviceRow } from './devices.ts'
import { type AssetDifference, type ImportOptions, type ImportOutcome, readLines, recordImport } from './import-file.ts'
import { type ColumnType, refuseFile } from './import-mapping.ts'
import { insertInstallation } from './installations.ts'
import {
  hangsOnItself,
  isNoAsset,
  isTaken,
  isTwice,
  isUnknownKind,
  isUnknownModel,
  isUsedNumber,
  needsDevice,
  needsModel,
} from './line-faults.ts'
import { addIssues } from './line-issues.ts'

/** Most changes of one file that are told one by one. */
export const maxChangesTold = 1000

export const assetColumns: Readonly<Record<string, ColumnType>> = {
  id: 'text',
  kind: 'text',
  label: 'text',
  inventoryNumber: 'text',
  latitude: 'number',
  longitude: 'number',
  address: 'text',
  district: 'text',
  commune: 'text',
  service: 'text',
  parentId: 'text',
  lifeCycle: 'text',
  condition: 'text',
  acquiredOn: 'date',
  commissionedOn: 'date',
  warrantyUntil: 'date',
  disposedOn: 'date',
  attributes: 'json',
  deviceId: 'text',
  deviceModel: 'text',
  channel: 'text',
  installedAt: 'time',
}

/** One good line of a file of assets. */
type NumberedLine = { line: number; fields: AssetLine }

/** What is to be done with one line: its row, and the asset as it was; null for a new one. */
type Planned = { line: number; row: Omit<AssetTable, 'revision'>; before: Asset | null }

type Plan = {
  created: Planned[]
  changed: Planned[]
  unchanged: number
  installs: Install[]
  changes: AssetDifference[]
}

type Install = { line: number; deviceId: string; assetId: string; channel: string | null; at?: number; model?: string }

/**
 * Takes in the assets of a CSV file: all of them, or none when one line is bad. A line whose id is known changes what it
 * names of that asset, which `allowChanges` has to allow; a parent may stand in the same file, before or after; a device
 * that a line names is installed on the asset, and made when it has a model. The columns are the JSON names;
 * `attributes.<name>` is one attribute. Throws Problem `payload_too_large`, `changes_not_allowed` which tells the
 * changes, or `bad_request` with an error for every bad line.
 */
export async function importAssets(
  access: Access,
  file: string | Uint8Array,
  { dryRun = false, mapping, allowChanges = false, progress }: ImportOptions = {},
): Promise<ImportOutcome> {
  progress?.('reading', 0, 0)
  const { lines, errors } = await readLines(file, assetColumns, assetLineSchema, mapping, progress)
  checkLines(lines, errors)
  if (dryRun || errors.length > 0) {
    const plan = await access.registry
      .transaction()
      .execute((trx) => planAssets(access, { trx, all: trx.withoutPlugins() }, lines, errors, progress))
    if (errors.length > 0) refuseFile(errors)
    return tell(plan, { importId: null, dryRun, devices: [] })
  }
  return mutate(access, async (change) => {
    const plan = await planAssets(access, change, lines, errors, progress)
    if (errors.length > 0) refuseFile(errors)
    if (plan.changed.length > 0 && !allowChanges) refuseChanges(plan)
    const isNothing = plan.created.length + plan.changed.length + plan.installs.length === 0
    if (isNothing) return tell(plan, { importId: null, dryRun, devices: [] })
    await writeAssets(change, [...plan.created, ...plan.changed], progress)
    const devices = await installDevices(access, change, plan.installs)
    const importId = await recordImport(change, 'assets', {
      created: plan.created.length,
      changed: plan.changed.length,
      installed: plan.installs.length,
    })
    return tell(plan, { importId, dryRun, devices })
  })
}

function tell(plan: Plan, rest: Pick<ImportOutcome, 'importId' | 'dryRun' | 'devices'>): ImportOutcome {
  return {
    ...rest,
    created: plan.created.length,
    changed: plan.changed.length,
    unchanged: plan.unchanged,
    installed: plan.installs.length,
    changes: plan.changes,
  }
}

function refuseChanges({ changed, changes }: Plan): never {
  const errors = changes.map(({ line, id, fields }) => ({
    path: `line ${line}, ${id}`,
    message: Object.entries(fields)
      .map(([name, { before, after }]) => `${name}: ${JSON.stringify(before)} -> ${JSON.stringify(after)}`)
      .join('; '),
  }))
  const [{ line, id }] = changes as [AssetDifference]
  const detail = {
    fr: `${changed.length} équipements seraient modifiés, comme ${id} (ligne ${line})`,
    en: `${changed.length} assets would change, such as ${id} (line ${line})`,
  }
  throw new Problem('changes_not_allowed', detail, errors)
}

/** What can be judged without the registry: what is there twice, and what would hang on itself. */
function checkLines(lines: readonly NumberedLine[], errors: LineError[]): void {
  const byId = new Map<string, NumberedLine>()
  for (const each of lines) {
    const { line, fields } = each
    const earlier = byId.get(fields.id)
    if (earlier === undefined) byId.set(fields.id, each)
    else errors.push({ line, column: 'id', message: isTwice(fields.id, earlier.line) })
    const { deviceId, deviceModel, channel, installedAt } = fields
    if (deviceId === undefined && (deviceModel ?? channel ?? installedAt) !== undefined)
      errors.push({ line, column: 'deviceId', message: needsDevice })
    if (deviceModel !== undefined && !models.has(deviceModel))
      errors.push({ line, column: 'deviceModel', message: isUnknownModel(deviceModel) })
  }
  const settled = new Set<NumberedLine>()
  for (const each of byId.values()) {
    const chain = new Set<NumberedLine>()
    let current: NumberedLine | undefined = each
    while (current !== undefined && !settled.has(current)) {
      if (chain.has(current)) {
        errors.push({ line: current.line, column: 'parentId', message: hangsOnItself(current.fields.id) })
        break
      }
      chain.add(current)
      current = byId.get(current.fields.parentId ?? '')
    }
    for (const link of chain) settled.add(link)
  }
}

/** What each line comes to beside what the registry holds; what cannot be is added to the errors. */
async function planAssets(
  access: Access,
  change: Pick<Change, 'trx' | 'all'>,
  lines: readonly NumberedLine[],
  errors: LineError[],
  progress: ImportOptions['progress'],
): Promise<Plan> {
  const plan: Plan = { created: [], changed: [], unchanged: 0, installs: [], changes: [] }
  const inFile = new Set(lines.map(({ fields }) => fields.id))
  const numbers = new Map<string, string>()
  let done = 0
  for (const part of inParts(lines)) {
    done += part.length
    progress?.('checking', done, lines.length)
    await setImmediate()
    const known = await readKnown(change, part, inFile)
    for (const each of part) {
      const { line, fields } = each
      const parentId = fields.parentId
      if (parentId != null && !inFile.has(parentId) && !known.parents.has(parentId))
        errors.push({ line, column: 'parentId', message: isNoAsset(parentId) })
      const row = known.assets.get(fields.id)
      if (row === undefined && known.taken.has(fields.id)) {
        errors.push({ line, column: 'id', message: isTaken(fields.id) })
        continue
      }
      planLine(access, plan, each, row, errors)
      const number = fields.inventoryNumber
      if (number == null) continue
      const owner = known.numbers.get(number) ?? numbers.get(number) ?? fields.id
      if (owner !== fields.id) errors.push({ line, column: 'inventoryNumber', message: isUsedNumber(number) })
      numbers.set(number, fields.id)
    }
    await planInstalls(change, plan, part, errors)
  }
  return plan
}

async function readKnown(
  { trx, all }: Pick<Change, 'trx' | 'all'>,
  part: readonly NumberedLine[],
  inFile: ReadonlySet<string>,
) {
  const ids = part.map(({ fields }) => fields.id)
  const parents = part.flatMap(({ fields: { parentId } }) =>
    parentId == null || inFile.has(parentId) ? [] : [parentId],
  )
  const numbers = part.flatMap(({ fields }) => (fields.inventoryNumber == null ? [] : [fields.inventoryNumber]))
  const rows = await trx.selectFrom('assets').selectAll().where('id', 'in', ids).execute()
  const taken = await all.selectFrom('assets').select('id').where('id', 'in', ids).execute()
  const found =
    parents.length === 0 ? [] : await trx.selectFrom('assets').select('id').where('id', 'in', parents).execute()
  const used =
    numbers.length === 0
      ? []
      : await all.selectFrom('inventory_numbers').selectAll().where('number', 'in', numbers).execute()
  return {
    assets: new Map(rows.map((row) => [row.id, row])),
    taken: new Set(taken.map((row) => row.id)),
    parents: new Set(found.map((row) => row.id)),
    numbers: new Map(used.map((row) => [row.number, row.asset_id])),
  }
}

function planLine(
  access: Access,
  plan: Plan,
  { line, fields }: NumberedLine,
  known: AssetTable | undefined,
  errors: LineError[],
): void {
  const { deviceId, deviceModel, channel, installedAt, ...given } = fields
  const before = known === undefined ? null : toAsset(known)
  const merged =
    before === null
      ? { ...given, service: chooseService(access, given.service) }
      : { ...before, ...given, attributes: { ...before.attributes, ...given.attributes } }
  const parsed = newAssetSchema.safeParse(merged, { reportInput: true })
  if (!parsed.success) {
    addIssues(errors, line, parsed.error.issues)
    return
  }
  try {
    const row = { ...toRow(parsed.data), ...(known === undefined ? {} : { created_at: known.created_at }) }
    if (before === null) {
      plan.created.push({ line, row, before })
      return
    }
    checkMove(before.lifeCycle, row.life_cycle as AssetLifeCycle)
    const difference = compare(before, toAsset(row))
    if (difference === null) {
      plan.unchanged++
      return
    }
    plan.changed.push({ line, row, before })
    if (plan.changes.length < maxChangesTold) plan.changes.push({ line, id: row.id, fields: difference })
  } catch (error) {
    if (!(error instanceof Problem)) throw error
    if (error.errors !== undefined)
      for (const { path, message } of error.errors) errors.push({ line, column: path, message })
    else if (error.code === 'unknown_asset_kind')
      errors.push({ line, column: 'kind', message: isUnknownKind(fields.kind!) })
    else errors.push({ line, message: describeProblem(error) })
  }
}

function compare(before: Asset, after: Asset): AssetDifference['fields'] | null {
  const fields: AssetDifference['fields'] = {}
  for (const name of Object.keys(after) as (keyof Asset)[])
    if (JSON.stringify(before[name]) !== JSON.stringify(after[name]))
      fields[name] = { before: before[name], after: after[name] }
  return Object.keys(fields).length === 0 ? null : fields
}

/** A device that is on the asset already is left there; one that is not registered needs a model. */
async function planInstalls(
  { trx, all }: Pick<Change, 'trx' | 'all'>,
  plan: Plan,
  part: readonly NumberedLine[],
  errors: LineError[],
): Promise<void> {
  const named = part.filter(({ fields }) => fields.deviceId !== undefined)
  if (named.length === 0) return
  const ids = named.map(({ fields }) => fields.deviceId!)
  const devices = await trx.selectFrom('devices').select('id').where('id', 'in', ids).execute()
  const others = await all.selectFrom('devices').select('id').where('id', 'in', ids).execute()
  const integrations = await all.selectFrom('integrations').select('name as id').where('name', 'in', ids).execute()
  const open = await trx
    .selectFrom('installations')
    .select(['device_id', 'asset_id', 'channel'])
    .where('device_id', 'in', ids)
    .where('removed_at', 'is', null)
    .execute()
  const known = new Set(devices.map((row) => row.id))
  const taken = new Set([...others, ...integrations].map((row) => row.id))
  for (const { line, fields } of named) {
    const { id: assetId, deviceId, deviceModel, channel = null, installedAt } = fields
    const isThere = open.some(
      (each) => each.device_id === deviceId && each.asset_id === assetId && each.channel === channel,
    )
    if (isThere) continue
    if (!known.has(deviceId!) && taken.has(deviceId!))
      errors.push({ line, column: 'deviceId', message: isTaken(deviceId!) })
    else if (!known.has(deviceId!) && deviceModel === undefined)
      errors.push({ line, column: 'deviceModel', message: needsModel(deviceId!) })
    else
      plan.installs.push({
        line,
        deviceId: deviceId!,
        assetId,
        channel,
        ...(installedAt === undefined ? {} : { at: installedAt }),
        ...(known.has(deviceId!) ? {} : { model: deviceModel! }),
      })
  }
}

/** Writes rows that were checked in the same transaction. */
async function writeAssets(
  { trx, revision, record }: Change,
  planned: readonly Planned[],
  progress: ImportOptions['progress'],
): Promise<void> {
  let done = 0
  for (const part of inParts(planned)) {
    const rows = part.map(({ row }) => ({ ...row, revision }))
    const columns = Object.keys(rows[0]!).filter((column) => column !== 'id') as (keyof AssetTable)[]
    await trx
      .insertInto('assets')
      .values(rows)
      .onConflict((conflict) =>
        conflict
          .column('id')
          .doUpdateSet((e) => Object.fromEntries(columns.map((column) => [column, e.ref(`excluded.${column}`)]))),
      )
      .execute()
    await claimNumbers(trx, rows)
    for (const { row, before } of part) record('asset', row.id, before, toAsset(row))
    done += part.length
    progress?.('writing', done, planned.length)
    await setImmediate()
  }
}

async function installDevices(
  access: Access,
  change: Change,
  installs: readonly Install[],
): Promise<{ id: string; secret: string }[]> {
  const made: { id: string; secret: string }[] = []
  const errors: LineError[] = []
  for (const { line, deviceId, assetId, channel, at, model } of installs) {
    if (model !== undefined && !made.some((each) => each.id === deviceId)) {
      const secret = newSecret()
      const row = toDeviceRow(access, { id: deviceId, model }, hashGenerated(secret), change.revision)
      await change.trx.insertInto('devices').values(row).execute()
      change.record('device', deviceId, null, toDevice(row))
      made.push({ id: deviceId, secret })
    }
    try {
      await insertInstallation(change, { deviceId, assetId, channel, ...(at === undefined ? {} : { installedAt: at }) })
    } catch (error) {
      if (!(error instanceof Problem)) throw error
      errors.push({ line, column: 'deviceId', message: describeProblem(error) })
    }
    if (errors.length > maxChangesTold) break
  }
  if (errors.length > 0) refuseFile(errors)
  return made
}
