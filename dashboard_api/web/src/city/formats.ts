/** Formatters of figures and times. Making one takes as long as a hundred uses of it, so each is made once. */

type Options = Intl.NumberFormatOptions & Intl.DateTimeFormatOptions;

function once<T>(make: (locale: string, options: Options) => T): (locale: string, options?: Options) => T {
  const made = new Map<string, T>(); // as many as there are languages and forms of writing in the code
  return (locale, options = {}) => {
    const key = `${locale} ${JSON.stringify(options)}`;
    let format = made.get(key);
    if (format === undefined) {
      format = make(locale, options);
      made.set(key, format);
    }
    return format;
  };
}

export const numberFormat = once((locale, options) => new Intl.NumberFormat(locale, options));
export const timeFormat = once((locale, options) => new Intl.DateTimeFormat(locale, options));
export const pluralRules = once((locale) => new Intl.PluralRules(locale));
export const collator = once((locale) => new Intl.Collator(locale));
