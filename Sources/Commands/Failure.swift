import ArgumentParser
import Glibc
import Launch
import Sandbox
import Topology

/// Runs a command's body and ends the process with the documented code where it fails.
///
/// The message goes to standard error in one line: what failed, on what, the cause, the remedy.
func reportingFailures(_ body: () throws -> Void) throws {
  do {
    try body()
  } catch let error as ExecutionError {
    writeError("slipway: \(error)")
    throw ExitCode((error.isNotFound ? ExitStatus.notFound : .cannotExecute).rawValue)
  } catch let error as ValidationError {
    throw error
  } catch let error as ExitCode {
    throw error
  } catch let error as TopologyError {
    writeError("slipway: \(error)")
    throw ExitCode(ExitStatus.badData.rawValue)
  } catch {
    writeError("slipway: \(error)")
    throw ExitCode(ExitStatus(error).rawValue)
  }
}

/// Writes a line to standard error.
func writeError(_ line: String) {
  let bytes = Array("\(line)\n".utf8)
  _ = bytes.withUnsafeBytes { write(STDERR_FILENO, $0.baseAddress, $0.count) }
}
