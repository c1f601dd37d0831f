/** A scalar as Envoy's reader has it. */
export type ScalarValue = string | number | boolean | null;

const NULL = /^(?:|~|null|Null|NULL)$/;
/** Each word in lower case, in upper case, or with its first letter in upper case. */
const TRUE = /^(?:y|Y|yes|Yes|YES|true|True|TRUE|on|On|ON)$/;
const FALSE = /^(?:n|N|no|No|NO|false|False|FALSE|off|Off|OFF)$/;
const INTEGER =
  /^(?<sign>[+-]?)(?:0[xX](?<hex>[\da-fA-F]+)|0(?<octal>[0-7]+)|(?<decimal>0|[1-9]\d*))$/;

const I32_MIN = -(2n ** 31n);
const I32_MAX = 2n ** 31n - 1n;
const I64_MIN = -(2n ** 63n);
const I64_MAX = 2n ** 63n - 1n;

/**
 * What an unquoted scalar of YAML is to Envoy: YAML 1.1's words for true and false, integers of 32
 * bits; larger ones and all other numbers are text until a field that is a number takes them.
 */
export function yamlScalar(source: string): ScalarValue {
  if (NULL.test(source)) return null;
  if (TRUE.test(source)) return true;
  if (FALSE.test(source)) return false;
  const integer = integerOf(source);
  if (integer === undefined || integer < I64_MIN || integer > I64_MAX) return source;
  return integer >= I32_MIN && integer <= I32_MAX ? Number(integer) : String(integer);
}

function integerOf(source: string): bigint | undefined {
  const groups = INTEGER.exec(source)?.groups;
  if (groups === undefined) return undefined;
  const { sign, hex, octal, decimal } = groups;
  const prefix = hex !== undefined ? '0x' : octal !== undefined ? '0o' : '';
  const magnitude = BigInt(`${prefix}${hex ?? octal ?? decimal ?? '0'}`);
  return sign === '-' ? -magnitude : magnitude;
}
