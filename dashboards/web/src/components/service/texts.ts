import { plural } from '../../writing.ts'

const fr = {
  kinds: 'Types d’équipement',
  tasks: 'À faire aujourd’hui',
  nothing: 'rien à faire',
  count: (count: string) => `${count} à voir`,
  all: 'Tout voir',
  list: 'Liste',
  filtered: (task: string) => `Seulement : ${task}`,
  total: (count: string) => `${count} ${plural.fr(count, 'équipement', 'équipements')}`,
  basis: (name: string, known: string, total: string) =>
    `${name} : ${known} ${plural.fr(known, 'mesure', 'mesures')} sur ${total}`,
  district: 'Quartier',
  sort: 'Trier par',
  label: 'Nom',
  ascending: (name: string) => `${name}, croissant`,
  descending: (name: string) => `${name}, décroissant`,
  asset: 'Équipement',
  unknown: 'pas de mesure',
  csv: 'Télécharger la liste en CSV',
  empty: 'Aucun équipement de ce type n’est inventorié.',
  emptyAdvice: 'Ajoutez-en un page Équipements, ou importez votre inventaire.',
  nothingToDo: 'Rien à faire ici aujourd’hui.',
  nothingToDoAdvice: '« Tout voir » montre la liste entière.',
  chart: 'Tous ensemble',
}

const en = {
  kinds: 'Kinds of asset',
  tasks: 'To do today',
  nothing: 'nothing to do',
  count: (count: string) => `${count} to see`,
  all: 'Show all',
  list: 'List',
  filtered: (task: string) => `Only: ${task}`,
  total: (count: string) => `${count} ${plural.en(count, 'asset', 'assets')}`,
  basis: (name: string, known: string, total: string) => `${name} measured on ${known} of ${total}`,
  district: 'District',
  sort: 'Sort by',
  label: 'Name',
  ascending: (name: string) => `${name}, ascending`,
  descending: (name: string) => `${name}, descending`,
  asset: 'Asset',
  unknown: 'no measurement',
  csv: 'Download the list as CSV',
  empty: 'No asset of this kind is in the inventory.',
  emptyAdvice: 'Add one on the page Assets, or import your inventory.',
  nothingToDo: 'Nothing to do here today.',
  nothingToDoAdvice: '“Show all” shows the whole list.',
  chart: 'All together',
} satisfies typeof fr

export const texts = { fr, en }
