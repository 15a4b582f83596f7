import type { Label } from '../domain/quantity.ts'
import { quoteText } from '../domain/text.ts'

/* What may be wrong with a line of an import beside what its schema refuses, and what to do. */

export const isTwice = (id: string, line: number): Label => ({
  fr: `${id} est déjà à la ligne ${line} : gardez l’une des deux`,
  en: `${id} is in line ${line} already: keep one of the two`,
})

export const isTaken = (id: string): Label => ({
  fr: `${id} est déjà pris : choisissez un autre identifiant, ou retirez la ligne`,
  en: `${id} is taken: choose another identifier, or take the line out`,
})

export const needsDevice: Label = {
  fr: 'une pose demande un appareil : donnez son identifiant',
  en: 'an installation needs a device: give its identifier',
}

export const needsAsset: Label = {
  fr: 'une pose demande un équipement : donnez son identifiant',
  en: 'an installation needs an asset: give its identifier',
}

export const needsModel = (deviceId: string): Label => ({
  fr: `${deviceId} n’est pas enregistré : donnez le modèle de ce nouvel appareil`,
  en: `${deviceId} is not registered: give the model of this new device`,
})

export const isUnknownModel = (model: string): Label => ({
  fr: `le modèle « ${quoteText(model)} » n’est pas au catalogue : voyez la liste des modèles`,
  en: `the model "${quoteText(model)}" is not in the catalogue: see the list of models`,
})

export const isUnknownKind = (kind: string): Label => ({
  fr: `le type d’équipement « ${quoteText(kind)} » est inconnu : dites lequel c’est dans la correspondance`,
  en: `the asset kind "${quoteText(kind)}" is unknown: say in the mapping which it is`,
})

export const isNoAsset = (id: string): Label => ({
  fr: `il n’y a pas d’équipement ${id} : corrigez l’identifiant, ou importez-le d’abord`,
  en: `there is no asset ${id}: correct the identifier, or import it first`,
})

export const hangsOnItself = (id: string): Label => ({
  fr: `${id} dépendrait de lui-même : corrigez son parent`,
  en: `${id} would hang on itself: correct its parent`,
})

export const isUsedNumber = (number: string): Label => ({
  fr: `le numéro ${quoteText(number)} a déjà servi, et un numéro ne sert jamais deux fois`,
  en: `the number ${quoteText(number)} was used before, and is never used again`,
})

export const isShortSecret = (characters: number): Label => ({
  fr: `un secret a au moins ${characters} caractères ; laissez vide pour que Parvis en choisisse un`,
  en: `a secret has at least ${characters} characters; leave it empty and Parvis makes one`,
})

export const areTooManySecrets = (most: number): Label => ({
  fr: `un fichier apporte au plus ${most} secrets ; laissez vide pour que Parvis les choisisse`,
  en: `a file brings at most ${most} secrets; leave it empty and Parvis makes them`,
})
