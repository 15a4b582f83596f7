import { compileJsonDecoder } from '../devices/json-table.ts'
import type { Decode, DeviceModel, UplinkFormat } from '../devices/model.ts'
import { toJsonField } from '../devices/model-table.ts'
import { type CompiledScriptModel, compileScriptModel } from '../devices/script-model.ts'
import type { ScriptPool } from '../devices/scripts/pool.ts'
import type { ModelTable } from '../domain/model-table.ts'
import { readChanges } from '../store/credentials.ts'
import { type KnownIntegration, readDevices, readIntegrations } from '../store/device-lookup.ts'
import { type KnownModel, readDeviceModels } from '../store/device-models.ts'
import { type Registry, readRevision } from '../store/registry.ts'

/** The device models and uplink formats that uplinks are decoded with. */
export type Catalogue = {
  models: ReadonlyMap<string, DeviceModel>
  formats: ReadonlyMap<string, UplinkFormat>
  compileDecoder(model: DeviceModel): Decode
}

/**
 * What a device's payload is read with: `decode` for a model that is data, `script` for one whose codec runs elsewhere;
 * `model` alone when nobody knows it. It `takes` the device's own frame, JSON with the paths of its table, or any
 * quantity in the project's own JSON.
 */
export type Codec = {
  model: string
  decode: Decode | null
  script?: CompiledScriptModel
  takes: 'frame' | 'json' | 'any'
}

// Devices that are remembered, well above what one server takes; past it the memory begins anew.
const maxRemembered = 500_000
const refreshMs = 400

/**
 * Knows which codec reads which device, from the registry, in few queries: what was asked once is remembered until the
 * registry says that it changed.
 */
export function createDeviceBook(registry: Registry, catalogue: Catalogue, pool: ScriptPool) {
  const codecs = new Map<string, Codec>()
  const known = new Map<string, Codec | null>()
  let integrations: ReadonlyMap<string, KnownIntegration> = new Map()
  let revision = -1
  let refreshedAt = 0

  /** Takes what changed in the registry, at most every 400 ms unless `now`. */
  async function refresh(now = false) {
    if (!now && Date.now() - refreshedAt < refreshMs) return
    refreshedAt = Date.now()
    if (revision < 0) {
      revision = await readRevision(registry)
      integrations = await readIntegrations(registry)
      return
    }
    const changes = await readChanges(registry, revision)
    for (const id of changes.devices) known.delete(id)
    if (changes.models.length > 0) {
      for (const id of changes.models) codecs.delete(id)
      known.clear()
    }
    if (changes.integrations.length > 0) integrations = await readIntegrations(registry)
    revision = changes.revision
  }

  /** Looks up the devices of a batch that are not remembered, in one query. */
  async function learn(ids: Iterable<string>) {
    const unknown = new Set<string>()
    for (const id of ids) if (!known.has(id)) unknown.add(id)
    if (unknown.size === 0) return
    if (known.size + unknown.size > maxRemembered) {
      known.clear()
      for (const id of ids) unknown.add(id)
    }
    const found = await readDevices(registry, [...unknown])
    await learnModels([...found.values()].map(({ model }) => model))
    for (const id of unknown) {
      const device = found.get(id)
      known.set(id, device === undefined ? null : codecOf(device.model))
    }
  }

  async function learnModels(ids: readonly string[]) {
    const unknown = new Set(ids.filter((id) => !codecs.has(id)))
    for (const id of unknown) {
      const model = catalogue.models.get(id)
      if (model === undefined) continue
      codecs.set(id, { model: id, decode: catalogue.compileDecoder(model), takes: takenBy(model.payload.format) })
      unknown.delete(id)
    }
    if (unknown.size === 0) return
    const models = await readDeviceModels(registry, [...unknown])
    for (const id of unknown) {
      const model = models.get(id)
      codecs.set(id, model === undefined ? { model: id, decode: null, takes: 'frame' } : compileModel(model, pool))
    }
  }

  function codecOf(id: string): Codec {
    return codecs.get(id)!
  }

  return {
    refresh,
    learn,
    /** The codec of a learned device, or null for one that is not registered. */
    codec: (id: string): Codec | null => known.get(id) ?? null,
    /** The integration that a client id belongs to, or null. */
    integration: (clientId: string): KnownIntegration | null =>
      integrations.get(clientId) ?? integrations.get(clientId.split('/', 1)[0]!) ?? null,
    format: (id: string): UplinkFormat | null => catalogue.formats.get(id) ?? null,
  }
}

/** A model of the registry: its codec and table, or its table alone for a device that sends JSON. */
function compileModel({ id, codecs, dialect, mapping }: KnownModel, pool: ScriptPool): Codec {
  const table = mapping as ModelTable
  if (Object.keys(codecs).length > 0)
    return {
      model: id,
      decode: null,
      script: compileScriptModel(pool, { codecs, dialect, mapping: table }),
      takes: 'frame',
    }
  return { model: id, decode: compileJsonDecoder(table.fields.map(toJsonField), table.time), takes: 'json' }
}

function takenBy(format: DeviceModel['payload']['format']): Codec['takes'] {
  if (format === 'parvis') return 'any'
  return format === 'json' ? 'json' : 'frame'
}

export type DeviceBook = ReturnType<typeof createDeviceBook>
