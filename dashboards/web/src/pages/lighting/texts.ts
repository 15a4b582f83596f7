const fr = { intro: 'Les luminaires par état et heures d’allumage, en défaut ou allumés en plein jour.' }

export const texts = {
  fr,
  en: { intro: 'Street lights by state and hours lit, in fault or lit by day.' } satisfies typeof fr,
}
