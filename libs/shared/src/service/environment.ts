import { readFileSync } from 'node:fs';
import { z } from 'zod';
import { ConfigurationError, messageOf, type SettingFault } from './errors.ts';

export type Environment = Readonly<Record<string, string | undefined>>;

/** One setting as documents list it. */
export interface Setting {
  readonly name: string;
  readonly description: string;
  /** As it would be written in the environment; undefined if there is none. */
  readonly default: string | undefined;
  readonly required: boolean;
  /** May be given as `<name>_FILE` too. */
  readonly secret: boolean;
  /** What a value must look like. */
  readonly expects: string | undefined;
}

/** The settings of a schema, in its order. */
export function listSettings(schema: z.ZodObject): readonly Setting[] {
  const { properties = {}, required = [] } = z.toJSONSchema(schema, { io: 'input', unrepresentable: 'any' });
  return Object.entries(properties).map(([name, property]) => {
    const meta = typeof property === 'object' ? property : {};
    return {
      name,
      description: meta.description ?? '',
      default: defaultText(meta.default ?? (schema.shape[name] as z.ZodType).safeParse(undefined).data),
      required: required.includes(name),
      secret: meta['secret'] === true,
      expects: expectationText(meta),
    };
  });
}

/**
 * Reads settings from the environment. Empty values count as not set. A secret may come as the path of a file that holds
 * it, in the variable with `_FILE` appended; one line break at its end is dropped.
 *
 * @throws ConfigurationError with all faults
 */
export function parseEnvironment<S extends z.ZodObject>(schema: S, environment: Environment): z.output<S> {
  const settings = new Map(listSettings(schema).map((setting) => [setting.name, setting]));
  const faults: SettingFault[] = [];
  const values: Record<string, string> = {};
  for (const setting of settings.values()) {
    try {
      const value = readSetting(setting, environment);
      if (value !== undefined) values[setting.name] = value;
    } catch (error) {
      const name = `${setting.name}_FILE`;
      faults.push({ name, value: environment[name], problem: messageOf(error), remedy: 'Name a readable file' });
    }
  }
  const parsed = schema.safeParse(values);
  if (parsed.success && faults.length === 0) return parsed.data;
  for (const issue of parsed.error?.issues ?? []) {
    const name = String(issue.path[0] ?? '');
    if (faults.some((fault) => fault.name === `${name}_FILE`)) continue;
    const setting = settings.get(name);
    const value = values[name];
    faults.push({
      name: name === '' ? 'The settings together' : name,
      value: value === undefined ? undefined : shownValue(value, setting),
      problem: value === undefined && setting?.required === true ? 'it is required' : lowerFirst(issue.message),
      remedy: remedyFor(setting),
    });
  }
  throw new ConfigurationError(faults);
}

function readSetting(setting: Setting, environment: Environment): string | undefined {
  const value = environment[setting.name] ?? '';
  const path = setting.secret ? (environment[`${setting.name}_FILE`] ?? '') : '';
  if (path === '') return value === '' ? undefined : value;
  if (value !== '') throw new Error(`${setting.name} is set as well`);
  return readFileSync(path, 'utf8').replace(/\r?\n$/, '');
}

function remedyFor(setting: Setting | undefined): string {
  if (setting === undefined) return '';
  const expected = setting.expects === undefined ? 'Set it' : `Set it to ${setting.expects}`;
  const fallback = setting.default === undefined ? '' : `, or leave it out for ${setting.default}`;
  return `${expected}${fallback}. ${setting.description}`.trim();
}

/** Passwords also hide inside URLs. */
function shownValue(value: string, setting: Setting | undefined): string {
  if (setting?.secret === true) return '***';
  return value.slice(0, 200).replaceAll(/\/\/[^/@\s]*@/g, '//***@');
}

function expectationText(meta: z.core.JSONSchema.JSONSchema): string | undefined {
  if (typeof meta['expects'] === 'string') return meta['expects'];
  if (meta.enum !== undefined) return `one of ${meta.enum.join(', ')}`;
  return undefined;
}

function defaultText(value: unknown): string | undefined {
  if (typeof value === 'string') return value;
  return typeof value === 'number' || typeof value === 'boolean' ? String(value) : undefined;
}

function lowerFirst(text: string): string {
  return text.charAt(0).toLowerCase() + text.slice(1);
}
