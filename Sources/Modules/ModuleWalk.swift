import Host
import Microarchitecture
import Stack

/// A walk through the module files of a stack.
struct ModuleWalk {
  var files: GuardedFiles
  /// Below what nothing need be marked, for the revision of the repository stands for it.
  var revised: String?
  /// The site's own part of that.
  var unrevised: String?
  /// Called now and then.
  var touch: () -> Void

  private(set) var marks: [String: FileMark?] = [:]

  /// A directory that has module files, or others that have.
  private struct Folder {
    var name: String
    var ancestors: Set<[UInt64]> = []
    /// Names of module files without `.lua`, and whether they have it.
    var modules: [String: Bool] = [:]
    var folders: [Int] = []
    var settings: ModuleSettings?
  }

  /// How deep names may be nested, and how many directories one tree may have.
  private static let depthLimit = 8
  private static let folderLimit = 100_000

  init(files: GuardedFiles, revised: String?, unrevised: String?, touch: @escaping () -> Void) {
    self.files = files
    self.revised = revised
    self.unrevised = unrevised
    self.touch = touch
  }

  private mutating func mark(_ path: String, _ mark: FileMark?) {
    // A path that no file can have needs no look.
    guard path.utf8.count < 4096 else { return }
    if let revised, path.hasPrefix(revised), unrevised.map({ !path.hasPrefix($0) }) ?? true {
      return
    }
    marks.updateValue(mark, forKey: path)
  }

  private mutating func lists(of directories: [String]) throws(FileError) -> [DirectoryList?] {
    var lists: [DirectoryList?] = []
    for start in stride(from: 0, to: directories.count, by: 256) {
      let batch = directories[start..<min(start + 256, directories.count)]
      lists += try files.lists(of: Array(batch))
      touch()
    }
    for (path, list) in zip(directories, lists) { mark(path, list?.mark) }
    return lists
  }

  mutating func beginnings(of paths: [String]) throws(FileError) -> [FileBeginning?] {
    var beginnings: [FileBeginning?] = []
    for start in stride(from: 0, to: paths.count, by: 64) {
      let batch = paths[start..<min(start + 64, paths.count)]
      beginnings += try files.beginnings(of: Array(batch))
      touch()
    }
    for (path, beginning) in zip(paths, beginnings) { mark(path, beginning?.mark) }
    return beginnings
  }

  // MARK: Trees

  /// The trees of every target below directories like `versions/V`, those of accelerators too.
  mutating func trees(below roots: [(path: String, isSite: Bool)], modules: String)
    throws(FileError) -> [ModuleIndex.Tree]
  {
    let names = Catalog.targets.flatMap { [$0.subdirectory] + $0.aliases }
    var trees: [ModuleIndex.Tree] = []
    for root in roots {
      let places = names.map { "\(root.path)/software/linux/\($0)" }
      let kinds = try lists(of: places + places.map { "\($0)/accel" })
      for (number, name) in names.enumerated() where kinds[number] != nil {
        trees.append(
          ModuleIndex.Tree(
            directory: "\(places[number])/\(modules)", subdirectory: name, isSite: root.isSite))
        let vendors = Self.folders(kinds[names.count + number])
        let models = try lists(of: vendors.map { "\(places[number])/accel/\($0)" })
        for (vendor, list) in zip(vendors, models) {
          for model in Self.folders(list) {
            let accelerator = "accel/\(vendor)/\(model)"
            guard isAcceleratorName(accelerator) else { continue }
            trees.append(
              ModuleIndex.Tree(
                directory: "\(places[number])/\(accelerator)/\(modules)", subdirectory: name,
                accelerator: accelerator, isSite: root.isSite))
          }
        }
      }
    }
    return trees
  }

  private static func folders(_ list: DirectoryList?) -> [String] {
    (list?.entries ?? []).filter { $0.kind == .directory && isPrintable($0.name) }.map(\.name)
      .sorted()
  }

  // MARK: One tree

  /// A module file that was found.
  struct Found {
    var name: String
    var version: String
    var isLua: Bool
    var marked: Set<Int>
  }

  /// Walks through one tree; nil where it is not there.
  mutating func walk(_ tree: inout ModuleIndex.Tree) throws(FileError) -> [Found]? {
    guard let (folders, top) = try folders(below: tree.directory) else { return nil }
    for folder in folders {
      guard let settings = folder.settings else { continue }
      tree.aliases.merge(settings.aliases) { first, _ in first }
      tree.hidden.formUnion(settings.hidden)
    }
    var found: [Found] = []
    Self.name(top, in: folders, &found, &tree.isNested)
    return found
  }

  private mutating func folders(below directory: String) throws(FileError) -> (
    folders: [Folder], top: Int
  )? {
    var folders = [Folder(name: "")]
    var level = [0]
    var doubtful: [(folder: Int, name: String)] = []
    var settings: [(folder: Int, file: String)] = []
    for depth in 0..<Self.depthLimit where !level.isEmpty {
      let lists = try lists(
        of: level.map { folders[$0].name.isEmpty ? directory : "\(directory)/\(folders[$0].name)" })
      if depth == 0, lists[0] == nil { return nil }
      var next: [Int] = []
      for (number, list) in zip(level, lists) {
        // A link that leads back to a directory above leads nowhere new.
        guard let list, !folders[number].ancestors.contains(list.identity) else { continue }
        for entry in list.entries where Self.isKept(entry.name) {
          if entry.name == "default", let link = entry.link {
            folders[number].settings = ModuleSettings(marked: link)
          } else if entry.kind == .directory, folders.count < Self.folderLimit {
            let name = folders[number].name
            next.append(folders.count)
            folders[number].folders.append(folders.count)
            folders.append(
              Folder(
                name: name.isEmpty ? entry.name : "\(name)/\(entry.name)",
                ancestors: folders[number].ancestors.union([list.identity])))
          } else if entry.kind == .file, ModuleSettings.files.contains(entry.name) {
            settings.append((number, entry.name))
          } else if entry.kind == .file, entry.name.hasSuffix(".lua") {
            folders[number].modules[String(entry.name.dropLast(4))] = true
          } else if entry.kind == .file {
            doubtful.append((number, entry.name))
          }
        }
      }
      level = next
    }
    func path(_ folder: Int, _ file: String) -> String {
      let name = folders[folder].name
      return name.isEmpty ? "\(directory)/\(file)" : "\(directory)/\(name)/\(file)"
    }
    // A file without .lua is a module file when it says so itself.
    let magic = try beginnings(of: doubtful.map { path($0.folder, $0.name) })
    for ((folder, name), text) in zip(doubtful, magic)
    where text?.bytes.starts(with: Array("#%Module".utf8)) == true {
      if folders[folder].modules[name] == nil { folders[folder].modules[name] = false }
    }
    let texts = try beginnings(of: settings.map { path($0.folder, $0.file) })
    // The first of a directory names its default; all of them hide.
    let ranked = zip(settings, texts).sorted {
      ModuleSettings.files.firstIndex(of: $0.0.file)! < ModuleSettings.files.firstIndex(
        of: $1.0.file)!
    }
    for ((folder, file), text) in ranked {
      let read = ModuleSettings(
        String(decoding: text?.bytes ?? [], as: UTF8.self), isLua: file.hasSuffix(".lua"),
        of: folders[folder].name)
      if folders[folder].settings == nil {
        folders[folder].settings = read
      } else {
        folders[folder].settings!.aliases.merge(read.aliases) { first, _ in first }
        folders[folder].settings!.hidden.formUnion(read.hidden)
      }
    }
    return (folders, 0)
  }

  /// Backups, lock files and directories of version control are passed over, as by Lmod.
  ///
  /// Source: DirTree.lua of Lmod 8. What a terminal would not show as it is, is passed over too.
  private static func isKept(_ name: String) -> Bool {
    if [".git", ".gitignore", ".svn", ".lua", ".DS_Store"].contains(name) { return false }
    if name.hasSuffix("~") || name.hasPrefix("#") || name.hasSuffix("#") { return false }
    if name.hasPrefix(".#") || name.hasPrefix("__") { return false }
    return !(name.hasPrefix(".") && name.hasSuffix(".swp")) && isPrintable(name)
  }

  // MARK: Names

  /// Tells names from versions, as Lmod does: a directory is a name when no directory below it has
  /// modules, or when it names a default; a file beside directories is a module without versions.
  private static func name(
    _ number: Int, in folders: [Folder], _ found: inout [Found], _ isNested: inout Bool
  ) {
    let folder = folders[number]
    for (file, isLua) in folder.modules {
      let name = folder.name.isEmpty ? file : "\(folder.name)/\(file)"
      found.append(Found(name: name, version: "", isLua: isLua, marked: []))
    }
    for child in folder.folders where hasModules(child, in: folders) {
      let below = folders[child].folders.contains { hasModules($0, in: folders) }
      if below, folders[child].settings == nil {
        name(child, in: folders, &found, &isNested)
      } else {
        if below { isNested = true }
        versions(child, of: folders[child].name, in: folders, [], 0, &found)
      }
    }
  }

  private static func versions(
    _ number: Int, of name: String, in folders: [Folder], _ marked: Set<Int>, _ depth: Int,
    _ found: inout [Found]
  ) {
    let folder = folders[number]
    func marks(_ component: String) -> Set<Int> {
      guard let value = folder.settings?.marked else { return marked }
      let isMarked = value == component || value == "\(folder.name)/\(component)"
      return isMarked ? marked.union([depth]) : marked
    }
    for (file, isLua) in folder.modules {
      let version = "\(folder.name)/\(file)".dropFirst(name.count + 1)
      found.append(
        Found(name: name, version: String(version), isLua: isLua, marked: marks(file)))
    }
    for child in folder.folders {
      let component = String(folders[child].name.dropFirst(folder.name.count + 1))
      versions(child, of: name, in: folders, marks(component), depth + 1, &found)
    }
  }

  private static func hasModules(_ number: Int, in folders: [Folder]) -> Bool {
    !folders[number].modules.isEmpty
      || folders[number].folders.contains { hasModules($0, in: folders) }
  }
}

extension ModuleSettings {
  /// The version that a link named `default` leads to.
  init(marked link: String) {
    let file = link.split(separator: "/").last ?? ""
    marked = String(file.hasSuffix(".lua") ? file.dropLast(4) : file)
  }
}
