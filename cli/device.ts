import { existsSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { formatTime } from '../domain/time.ts'
import { adoptDevice, listFoundlings } from '../inventory/adoption.ts'
import { addDevice, listDevices, renewSecret, revokeDevice } from '../inventory/devices.ts'
import { importDevices } from '../inventory/import-devices.ts'
import type { Mapping } from '../inventory/import-mapping.ts'
import { mappingSchema } from '../inventory/import-mapping.ts'
import { getProfile } from '../inventory/import-profiles.ts'
import { parseInput } from '../inventory/input.ts'
import type { Access } from '../store/access.ts'
import { openIngestReader } from '../store/ingest-reader.ts'
import {
  type Command,
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

export const deviceCommands: Record<string, Command> = {
  'device add': {
    usage: 'device add <id> --model m [--label l] [--expected-interval s] [--secret s]',
    summary: {
      fr: 'Enregistre un appareil et donne son secret, une seule fois',
      en: 'Registers a device and tells its secret, once',
    },
    words: 1,
    options: {
      model: { type: 'string' },
      label: { type: 'string' },
      'expected-interval': { type: 'string' },
      secret: { type: 'string' },
    },
    optionTexts: {
      model: { fr: 'modèle du catalogue', en: 'model of the catalogue' },
      label: { fr: 'nom pour les personnes', en: 'name for people' },
      'expected-interval': { fr: 'secondes entre deux messages', en: 'seconds from one message to the next' },
      secret: { fr: 'secret choisi, d’au moins 16 caractères', en: 'chosen secret, of at least 16 characters' },
    },
    async run({ access, print }, [id], values) {
      const { device, secret } = await addDevice(await access(), {
        id: id!,
        model: neededOption(values, 'model'),
        label: textOption(values, 'label'),
        expectedIntervalS: numberOption(values, 'expected-interval'),
        secret: textOption(values, 'secret'),
      })
      print({ id: device.id, secret }, `${device.id}  ${secret}`)
    },
  },
  'device revoke': {
    usage: 'device revoke <id>',
    summary: { fr: 'Retire à un appareil le droit de se connecter', en: 'Takes from a device the right to connect' },
    words: 1,
    options: {},
    async run({ access, print }, [id]) {
      const device = await revokeDevice(await access(), id!)
      print(device, `${device.id}  ${device.lifeCycle}`)
    },
  },
  'device secret': {
    usage: 'device secret <id> [--secret s]',
    summary: {
      fr: 'Donne un autre secret à un appareil ; l’ancien ne vaut plus rien',
      en: 'Gives a device another secret; the old one is of no use any more',
    },
    words: 1,
    options: { secret: { type: 'string' } },
    optionTexts: {
      secret: { fr: 'secret choisi, d’au moins 16 caractères', en: 'chosen secret, of at least 16 characters' },
    },
    async run({ access, print }, [id], values) {
      const { device, secret } = await renewSecret(await access(), id!, { secret: textOption(values, 'secret') })
      print({ id: device.id, secret }, `${device.id}  ${secret}`)
    },
  },
  'device to-adopt': {
    usage: 'device to-adopt [--limit n] [--cursor c]',
    summary: {
      fr: 'Liste les appareils entendus que personne n’a enregistrés',
      en: 'Lists the devices that were heard and that nobody registered',
    },
    words: 0,
    options: pageOptionConfig,
    optionTexts: pageOptionTexts,
    async run({ config, access, print }, _, values) {
      const reader = openIngestReader(config.PARVIS_DATA_DIR)
      const page = await listFoundlings(await access(), reader, pageOptions(values), config.PARVIS_TIME_ZONE).finally(
        () => reader.close(),
      )
      const items = page.items.map(({ firstHeardAt, lastHeardAt, ...each }) => ({
        ...each,
        firstHeardAt: formatTime(firstHeardAt),
        lastHeardAt: formatTime(lastHeardAt),
      }))
      print(
        { items, next: page.next },
        formatColumns(
          items.map((each) => [each.id, each.integration, each.suggestedModel, each.letters, each.lastHeardAt]),
        ),
      )
    },
  },
  'device adopt': {
    usage: 'device adopt <id> --model m [--label l]',
    summary: {
      fr: 'Enregistre un appareil déjà entendu, et fait relire ses messages',
      en: 'Registers a device that was heard, and has its messages read again',
    },
    words: 1,
    options: { model: { type: 'string' }, label: { type: 'string' } },
    optionTexts: {
      model: { fr: 'modèle du catalogue', en: 'model of the catalogue' },
      label: { fr: 'nom pour les personnes', en: 'name for people' },
    },
    async run({ config, access, print }, [id], values) {
      const reader = openIngestReader(config.PARVIS_DATA_DIR)
      const input = { id: id!, model: neededOption(values, 'model'), label: textOption(values, 'label') }
      const { device, secret, replay } = await adoptDevice(await access(), reader, input).finally(() => reader.close())
      print({ id: device.id, secret, replayId: replay.id }, `${device.id}  ${secret}`)
    },
  },
  'device list': {
    usage: 'device list [--model m] [--q words] [--limit n] [--cursor c]',
    summary: { fr: 'Liste les appareils', en: 'Lists the devices' },
    words: 0,
    options: { model: { type: 'string' }, q: { type: 'string' }, ...pageOptionConfig },
    optionTexts: {
      model: { fr: 'modèle du catalogue', en: 'model of the catalogue' },
      q: { fr: 'mots de l’identifiant ou du nom', en: 'words of id or label' },
      ...pageOptionTexts,
    },
    async run({ access, print }, _, values) {
      const page = await listDevices(await access(), {
        ...pageOptions(values),
        model: textOption(values, 'model'),
        q: textOption(values, 'q'),
      })
      print(page, formatColumns(page.items.map((each) => [each.id, each.model, each.lifeCycle, each.label])))
    },
  },
  'device import': {
    usage: 'device import <file.csv> [--dry-run] [--mapping profile.json]',
    summary: {
      fr: 'Enregistre les appareils d’un fichier CSV, tous ou aucun, et donne leurs secrets, une seule fois',
      en: 'Registers the devices of a CSV file, all or none, and tells their secrets, once',
    },
    words: 1,
    ...importOptions(),
    async run({ access, print, language }, [file], values) {
      const opened = await access()
      const options = await readImportOptions(opened, values)
      const outcome = await importDevices(opened, await readImport(file!), options)
      const summary = {
        fr: `${outcome.created} appareils, ${outcome.installed} poses`,
        en: `${outcome.created} devices, ${outcome.installed} installations`,
      }
      print(
        outcome,
        [
          formatColumns(outcome.devices.map((each) => [each.id, each.secret])),
          summary[language],
          outcome.importId === null ? '' : `parvis import undo ${outcome.importId}`,
        ]
          .join('\n')
          .trim(),
      )
    },
  },
}

/** What every import takes. */
export function importOptions(): Pick<Command, 'options' | 'optionTexts'> {
  return {
    options: { 'dry-run': { type: 'boolean' }, mapping: { type: 'string' } },
    optionTexts: {
      'dry-run': { fr: 'juge tout et n’écrit rien', en: 'judges everything and writes nothing' },
      mapping: {
        fr: 'profil enregistré, ou fichier JSON : {"columns": {champ: colonne}, "defaults": {…}, "values": {…}}',
        en: 'saved profile, or JSON file: {"columns": {field: column}, "defaults": {…}, "values": {…}}',
      },
    },
  }
}

/** The bytes of the file to import. Throws UsageError when it cannot be read. */
export async function readImport(file: string): Promise<Uint8Array> {
  try {
    return await readFile(file)
  } catch (error) {
    throw new UsageError((error as Error).message)
  }
}

/** What an import was told; a mapping is a file, or the name of a profile that was saved. */
export async function readImportOptions(
  access: Access,
  values: OptionValues,
): Promise<{ dryRun: boolean; mapping: Mapping | undefined }> {
  const profile = textOption(values, 'mapping')
  return {
    dryRun: values['dry-run'] === true,
    mapping:
      profile === undefined
        ? undefined
        : existsSync(profile)
          ? parseInput(mappingSchema, await readJson(profile))
          : (await getProfile(access, profile)).mapping,
  }
}

/** What a JSON file holds. Throws UsageError. */
export async function readJson(file: string): Promise<unknown> {
  try {
    return JSON.parse(await readFile(file, 'utf8'))
  } catch (error) {
    throw new UsageError(`${file}: ${(error as Error).message}`)
  }
}
