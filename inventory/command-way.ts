import { formats, models } from '../devices/catalogue.ts'
import { compileCommandEncoder, type EncodedCommand, encodeJsonCommand } from '../devices/downlink.ts'
import type { DownlinkFormat } from '../devices/model.ts'
import { compileScriptModel } from '../devices/script-model.ts'
import type { ScriptPool } from '../devices/scripts/pool.ts'
import type { ModelTable } from '../domain/model-table.ts'
import type { Label } from '../domain/quantity.ts'
import { readDeviceModels } from '../store/device-models.ts'
import type { IngestReader } from '../store/ingest-reader.ts'
import type { Registry } from '../store/registry.ts'

/**
 * How a command reaches a device: to the client of that `name` (the device itself, or the integration that speaks for
 * it) under `topic`, in the form of `format` where there is a network. Or why it cannot.
 */
export type CommandWay =
  | { name: string; topic: string; integration: string | null; format: DownlinkFormat | null }
  | { refused: Label }

/** The way to a device: through the network that it was last heard by, or else its own connection. */
export async function findWay(
  registry: Registry,
  reader: Pick<IngestReader, 'routeOf'>,
  deviceId: string,
): Promise<CommandWay> {
  const route = reader.routeOf(deviceId)
  if (route === null) return { name: deviceId, topic: `devices/${deviceId}/down`, integration: null, format: null }
  const { integration, topic } = route
  const row = await registry
    .withoutPlugins()
    .selectFrom('integrations')
    .select(['format', 'revoked_at'])
    .where('name', '=', integration)
    .executeTakeFirst()
  if (row === undefined || row.revoked_at !== null)
    return refuse(`l’intégration ${integration} est révoquée`, `the integration ${integration} is revoked`)
  const known = formats.get(row.format)
  const format = known?.downlink
  if (format === undefined) {
    const label = known?.label ?? { fr: row.format, en: row.format }
    return refuse(`${label.fr} ne prend pas de commandes par MQTT`, `${label.en} takes no commands by MQTT`)
  }
  if (topic === null)
    return refuse(
      'ses messages arrivent par HTTP, où rien ne revient : reliez le réseau par MQTT ou par une passerelle (bridge)',
      'its messages come over HTTP, where nothing goes back: connect the network by MQTT or by a bridge',
    )
  return { name: integration, topic, integration, format }
}

/**
 * What a command to a device of a model comes to as bytes. A network that encodes itself is handed the data as they are.
 */
export async function encodeCommand(
  registry: Registry,
  pool: ScriptPool,
  model: string,
  data: unknown,
  { port, takesData }: { port: number | undefined; takesData: boolean },
): Promise<EncodedCommand> {
  const builtIn = models.get(model)
  if (takesData) return encodeJsonCommand(data)
  if (builtIn !== undefined)
    return (
      compileCommandEncoder(builtIn)?.(data) ?? {
        error: { fr: 'ce modèle ne prend pas de commandes', en: 'this model takes no commands' },
      }
    )
  const known = (await readDeviceModels(registry, [model])).get(model)
  if (known === undefined) return { error: { fr: `modèle inconnu : ${model}`, en: `unknown model: ${model}` } }
  if (Object.keys(known.codecs).length === 0) return encodeJsonCommand(data)
  const { codecs, dialect, mapping } = known
  const script = compileScriptModel(pool, { codecs, dialect, mapping: mapping as ModelTable })
  if (!script.canEncode)
    return { error: { fr: 'son codec ne code pas de commandes', en: 'its codec encodes no commands' } }
  return script.encode(data, port)
}

function refuse(fr: string, en: string): CommandWay {
  return { refused: { fr, en } }
}
