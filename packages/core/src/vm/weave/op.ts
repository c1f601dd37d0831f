/** The instructions that the weaver writes. */
export const Op = {
  UNREACHABLE: 0x00,
  IF: 0x04,
  END: 0x0b,
  CALL: 0x10,
  CALL_INDIRECT: 0x11,
  LOCAL_GET: 0x20,
  GLOBAL_GET: 0x23,
  GLOBAL_SET: 0x24,
  I32_CONST: 0x41,
  I32_EQZ: 0x45,
  I32_LT_S: 0x48,
  I32_ADD: 0x6a,
  I32_SUB: 0x6b,
} as const;
