import { formatTime } from '../domain/time.ts'
import { mappingSchema } from '../inventory/import-mapping.ts'
import { listProfiles, putProfile, removeProfile } from '../inventory/import-profiles.ts'
import { listImports, undoImport } from '../inventory/import-undo.ts'
import { parseInput } from '../inventory/input.ts'
import { type Command, formatColumns } from './command.ts'
import { readJson } from './device.ts'

export const importCommands: Record<string, Command> = {
  'import list': {
    usage: 'import list',
    summary: { fr: 'Liste les imports, le plus récent d’abord', en: 'Lists the imports, the newest first' },
    words: 0,
    options: {},
    async run({ access, print }) {
      const items = await listImports(await access())
      print(
        { items, next: null },
        formatColumns(
          items.map((each) => [each.id, formatTime(each.createdAt), each.kind, each.created, each.changed]),
        ),
      )
    },
  },
  'import undo': {
    usage: 'import undo <id>',
    summary: {
      fr: 'Annule un import en une fois, si rien n’a changé depuis',
      en: 'Undoes an import in one step, if nothing has changed since',
    },
    words: 1,
    options: {},
    async run({ access, print, language }, [id]) {
      const outcome = await undoImport(await access(), id!)
      const { removed, restored } = outcome
      print(
        outcome,
        { fr: `${removed} objets retirés, ${restored} rétablis`, en: `${removed} removed, ${restored} restored` }[
          language
        ],
      )
    },
  },
  'profile list': {
    usage: 'profile list',
    summary: { fr: 'Liste les profils de correspondance des imports', en: 'Lists the mapping profiles of imports' },
    words: 0,
    options: {},
    async run({ access, print }) {
      const items = await listProfiles(await access())
      print(
        { items, next: null },
        formatColumns(items.map(({ name, mapping }) => [name, Object.keys(mapping.columns ?? {}).join(', ')])),
      )
    },
  },
  'profile save': {
    usage: 'profile save <name> <mapping.json>',
    summary: {
      fr: 'Enregistre comment lire un fichier d’une autre maison',
      en: 'Saves how a file of another house is read',
    },
    words: 2,
    options: {},
    async run({ access, print }, [name, file]) {
      const mapping = parseInput(mappingSchema, await readJson(file!))
      print(await putProfile(await access(), name!, mapping), name!)
    },
  },
  'profile remove': {
    usage: 'profile remove <name>',
    summary: { fr: 'Retire un profil de correspondance', en: 'Removes a mapping profile' },
    words: 1,
    options: {},
    async run({ access, print }, [name]) {
      await removeProfile(await access(), name!)
      print({ name }, name!)
    },
  },
}
