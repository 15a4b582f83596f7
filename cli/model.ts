import { readFileSync } from 'node:fs'
import { openScriptPool } from '../devices/scripts/pool.ts'
import { faultText } from '../domain/fault.ts'
import type { ModelTable, TableField } from '../domain/model-table.ts'
import { Problem } from '../domain/problem.ts'
import { defineQuantity } from '../domain/quantity.ts'
import { catalogueOrigins, listCatalogue } from '../inventory/model-catalogue.ts'
import { addModel, getModel, type RegisteredModel, removeModel, updateModel } from '../inventory/models.ts'
import { openLetter, type Trial, tryModel } from '../inventory/try-model.ts'
import { openIngestReader } from '../store/ingest-reader.ts'
import {
  badOption,
  type Command,
  type Context,
  formatColumns,
  neededOption,
  numberOption,
  type OptionValues,
  pageOptionConfig,
  pageOptions,
  pageOptionTexts,
  textOption,
  UsageError,
} from './command.ts'

const fileOptions = { codec: { type: 'string' }, table: { type: 'string' } } as const
const fileTexts = {
  codec: { fr: 'fichier JavaScript du codec', en: 'JavaScript file of the codec' },
  table: { fr: 'fichier JSON de la table', en: 'JSON file of the table' },
}

export const modelCommands: Record<string, Command> = {
  'model list': {
    usage: 'model list [--origin o] [--q words] [--limit n] [--cursor c]',
    summary: {
      fr: 'Liste les modèles : ceux de Parvis, puis ceux importés ou faits ici',
      en: 'Lists the models: those of Parvis, then those that were imported or made here',
    },
    words: 0,
    options: { origin: { type: 'string' }, q: { type: 'string' }, ...pageOptionConfig },
    optionTexts: {
      origin: { fr: catalogueOrigins.join(', '), en: catalogueOrigins.join(', ') },
      q: { fr: 'mots à chercher', en: 'words to look for' },
      ...pageOptionTexts,
    },
    async run({ access, print, language }, _, values) {
      const page = await listCatalogue(await access(), {
        ...pageOptions(values),
        origin: textOption(values, 'origin'),
        q: textOption(values, 'q'),
      })
      const items = page.items.map((model) => ({
        ...model,
        updatedAt: model.updatedAt === null ? null : new Date(model.updatedAt).toISOString(),
      }))
      print(
        { ...page, items },
        formatColumns(
          items.map(({ id, vendor, label, quantities }) => [id, vendor, label[language], quantities.length]),
        ),
      )
    },
  },
  'model show': {
    usage: 'model show <id>',
    summary: { fr: 'Montre un modèle et sa table', en: 'Shows a model and its table' },
    words: 1,
    options: {},
    async run(context, [id]) {
      printModel(context, await getModel(await context.access(), id!))
    },
  },
  'model add': {
    usage: 'model add <id> --label l [--vendor v] [--codec f.js] [--table t.json] [--interval s]',
    summary: { fr: 'Fait un modèle d’un codec et d’une table', en: 'Makes a model of a codec and a table' },
    words: 1,
    options: { label: { type: 'string' }, vendor: { type: 'string' }, interval: { type: 'string' }, ...fileOptions },
    optionTexts: {
      label: { fr: 'nom affiché', en: 'label' },
      vendor: { fr: 'fabricant', en: 'vendor' },
      interval: { fr: 'intervalle attendu, en secondes', en: 'expected interval, in seconds' },
      ...fileTexts,
    },
    async run(context, [id], values) {
      const vendor = textOption(values, 'vendor')
      const expectedIntervalS = numberOption(values, 'interval')
      const { source, table } = readDraft(values)
      const model = await addModel(await context.access(), {
        id: id!,
        label: neededOption(values, 'label'),
        ...(vendor === undefined ? {} : { vendor }),
        ...(expectedIntervalS === undefined ? {} : { expectedIntervalS }),
        ...(source === undefined ? {} : { source }),
        ...(table === undefined ? {} : { table }),
      })
      printModel(context, model)
    },
  },
  'model set': {
    usage: 'model set <id> [--label l] [--codec f.js] [--table t.json] [--interval s]',
    summary: {
      fr: 'Change un modèle : corrige son codec, remplace sa table',
      en: 'Changes a model: mends its codec, replaces its table',
    },
    words: 1,
    options: { label: { type: 'string' }, interval: { type: 'string' }, ...fileOptions },
    optionTexts: {
      label: { fr: 'nom affiché', en: 'label' },
      interval: { fr: 'intervalle attendu, en secondes', en: 'expected interval, in seconds' },
      ...fileTexts,
    },
    async run(context, [id], values) {
      const model = await updateModel(await context.access(), id!, {
        ...readDraft(values),
        label: textOption(values, 'label'),
        expectedIntervalS: numberOption(values, 'interval'),
      })
      printModel(context, model)
    },
  },
  'model map': {
    usage: 'model map <id> <path> <quantity> [--unit u] [--channel c] [--scale n] [--offset n]',
    summary: {
      fr: 'Associe une valeur de la réponse du codec à une grandeur',
      en: 'Maps a value of the codec’s answer to a quantity',
    },
    words: 3,
    options: {
      unit: { type: 'string' },
      channel: { type: 'string' },
      scale: { type: 'string' },
      offset: { type: 'string' },
    },
    optionTexts: {
      unit: { fr: 'unité de la valeur, par exemple mV', en: 'unit of the value, such as mV' },
      channel: { fr: 'canal', en: 'channel' },
      scale: { fr: 'facteur', en: 'factor' },
      offset: { fr: 'à ajouter ensuite', en: 'to be added afterwards' },
    },
    async run(context, [id, path, quantity], values) {
      const field = {
        path: path!,
        quantity: quantity! as TableField['quantity'],
        unit: textOption(values, 'unit'),
        channel: textOption(values, 'channel'),
        scale: numberOption(values, 'scale'),
        offset: numberOption(values, 'offset'),
      }
      await editTable(context, id!, (table) => ({
        ...table,
        fields: [...table.fields.filter((each) => each.path !== path), field],
        ignored: table.ignored.filter((each) => each !== path),
      }))
    },
  },
  'model ignore': {
    usage: 'model ignore <id> <path>',
    summary: { fr: 'Laisse une valeur du codec de côté', en: 'Leaves a value of the codec aside' },
    words: 2,
    options: {},
    run: (context, [id, path]) =>
      editTable(context, id!, (table) => ({
        ...table,
        fields: table.fields.filter((each) => each.path !== path),
        ignored: [...table.ignored.filter((each) => each !== path), path!],
      })),
  },
  'model remove': {
    usage: 'model remove <id>',
    summary: { fr: 'Retire un modèle qui ne sert pas', en: 'Takes out a model that is not used' },
    words: 1,
    options: {},
    async run({ access, print }, [id]) {
      await removeModel(await access(), id!)
      print({ id }, id!)
    },
  },
  'model try': {
    usage: 'model try <id> (--hex h | --message j | --letter n) [--port p] [--codec f.js] [--table t.json]',
    summary: {
      fr: 'Essaie un modèle sur un message, sans rien enregistrer',
      en: 'Tries a model on a payload, and stores nothing',
    },
    words: 1,
    options: {
      hex: { type: 'string' },
      message: { type: 'string' },
      letter: { type: 'string' },
      port: { type: 'string' },
      ...fileOptions,
    },
    optionTexts: {
      hex: { fr: 'trame en hexadécimal', en: 'a frame in hexadecimal' },
      message: { fr: 'message JSON', en: 'a JSON payload' },
      letter: { fr: 'numéro d’un message écarté', en: 'the id of a dead letter' },
      port: { fr: 'port LoRaWAN', en: 'LoRaWAN port' },
      ...fileTexts,
    },
    async run(context, [id], values) {
      const { config, language, print } = context
      const pool = openScriptPool({ log: () => {} })
      try {
        const access = await context.access()
        const trial = await readTrial(context, values)
        const outcome = await tryModel(access, pool, id!, trial, readDraft(values), config.PARVIS_HORIZON_DAYS)
        const faults = outcome.faults.map((fault) => faultText(fault, language))
        print(
          { ...outcome, faults },
          [
            JSON.stringify(outcome.answer ?? null),
            formatColumns(
              outcome.readings.map(({ quantity, channel, value }) => [
                quantity,
                channel,
                value,
                defineQuantity(quantity).unit,
              ]),
            ),
            ...faults.map((text) => `! ${text}`),
            ...outcome.unmapped.map((path) => `? ${path}`),
          ]
            .filter((line) => line !== '')
            .join('\n'),
        )
      } finally {
        await pool.close()
      }
    },
  },
}

async function editTable(context: Context, id: string, edit: (table: ModelTable) => ModelTable): Promise<void> {
  const access = await context.access()
  const { table } = await getModel(access, id)
  printModel(context, await updateModel(access, id, { table: edit(table) }))
}

function readDraft(values: OptionValues): { source?: string; table?: ModelTable } {
  const codec = textOption(values, 'codec')
  const table = textOption(values, 'table')
  return {
    ...(codec === undefined ? {} : { source: readFile(codec).replace(/^\uFEFF/, '') }),
    ...(table === undefined ? {} : { table: parseJson(readFile(table), '--table') as ModelTable }),
  }
}

async function readTrial({ config, access }: Context, values: OptionValues): Promise<Trial> {
  const receivedAt = Date.now()
  const port = numberOption(values, 'port')
  const hex = textOption(values, 'hex')
  if (hex !== undefined) {
    if (!/^([0-9a-f]{2})*$/i.test(hex)) throw badOption('hex', hex, '01a2ff')
    return { payload: Buffer.from(hex, 'hex'), port, receivedAt }
  }
  const json = textOption(values, 'message')
  if (json !== undefined)
    return { payload: Buffer.from(JSON.stringify(parseJson(json, '--message'))), port, receivedAt }
  const seq = Number(neededOption(values, 'letter'))
  const reader = openIngestReader(config.PARVIS_DATA_DIR)
  try {
    const [letter] = reader.deadLetters({ limit: 1, before: seq + 1 })
    const trial = letter?.seq === seq ? await openLetter(await access(), letter, config.PARVIS_TIME_ZONE) : null
    if (trial === null) throw new Problem('not_found', String(seq))
    return trial
  } finally {
    reader.close()
  }
}

function readFile(path: string): string {
  try {
    return readFileSync(path, 'utf8')
  } catch (error) {
    throw new UsageError((error as Error).message)
  }
}

function parseJson(text: string, option: string): unknown {
  try {
    return JSON.parse(text)
  } catch (error) {
    throw new UsageError(`${option}: ${(error as Error).message}`)
  }
}

function printModel({ print }: Context, model: RegisteredModel): void {
  const { createdAt, updatedAt, ...rest } = model
  const document = {
    ...rest,
    createdAt: new Date(createdAt).toISOString(),
    updatedAt: new Date(updatedAt).toISOString(),
  }
  const fields = model.table.fields.map(({ path, quantity, unit, channel, scale, offset }) => [
    path,
    quantity,
    unit ?? '',
    channel ?? '',
    scale === undefined ? '' : `× ${scale}`,
    offset === undefined ? '' : `+ ${offset}`,
  ])
  print(document, [`${model.id}  ${model.vendor}  ${model.label}`, formatColumns(fields)].join('\n'))
}
