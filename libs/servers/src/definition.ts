/** Where one start of a server keeps its things; paths are those that the server itself sees. */
interface ServerPlace {
  readonly port: number;
  readonly configFolder: string;
  readonly dataFolder: string;
}

/** What must be known of a server to run it as a process or as a container. */
export interface ServerDefinition {
  readonly name: string;
  readonly urlVariable: string;
  readonly defaultPort: number;
  readonly binary: string;
  readonly debianPackage: string;
  readonly image: string;
  readonly imageVariable: string;
  readonly url: (port: number) => string;
  /** Contents of the files in the configuration folder, by name. */
  readonly files: (place: ServerPlace) => Readonly<Record<string, string>>;
  readonly args: (place: ServerPlace) => readonly string[];
  /** Matches the line of its log that says that it serves. */
  readonly readyLine: RegExp;
}
