import ELF
import Host
import Injection

/// What is injected on this node, and what has changed since.
struct SiteStatus {
  var target: InjectionTarget
  var manifest: InjectionManifest?
  var drifts: [Drift]

  init(of site: InjectionSite) throws {
    target = site.target
    manifest = try site.writer.current()?.0
    drifts = try site.writer.status(
      runningDriver: MachineRoot().nvidiaDriverVersion,
      buildID: { path in
        guard let files = RootFiles(), case .object(let object, _) = files.file(at: path) else {
          return nil
        }
        return object.notes.buildID?.hexadecimal
      })
  }

  var lines: [String] {
    var lines = target.chain.map { "follows     \($0.link) -> \($0.text)" }
    lines.append("target      \(target.path)")
    guard let manifest else { return lines + ["nothing is injected by slipway"] }
    lines.append(
      "generation  \(manifest.generation), written \(manifest.written) by \(manifest.author)")
    for record in manifest.injections {
      lines.append("\(record.verdict.rawValue.padded(12))\(record.place)")
      lines.append("            \(record.reason)")
    }
    for adopted in manifest.adopted { lines.append("adopted     \(adopted.path): \(adopted.was)") }
    for drift in drifts {
      lines.append("CHANGED     \(drift.path) \(drift.message)")
      lines.append("            remedy: \(drift.command)")
    }
    return lines
  }
}
