import Environment
import Injection
import Sandbox

/// What was decided of one thing that can be injected, and why.
package struct InjectionDecision: Equatable, Sendable {
  package var injectable: Injectable
  package var isInjected: Bool
  package var text: String
  /// Whether nobody has asked for it in any way.
  package var isUnasked = false

  /// In one line, for a person.
  package var words: String {
    "\(isInjected ? "" : "no ")\(injectable.rawValue) of the node: \(text)"
  }
}

extension ContainerPlan {
  /// Where what is injected stands in every container, so that it covers nothing.
  package static let driverDirectory = "/.slipway/cuda"
  package static let neighbourDirectory = "/.slipway/mpi"

  // MARK: The GPU driver

  /// Puts the libraries of the node's driver into a directory that programs search first.
  ///
  /// One by one: the directories that they lie in hold the system's libraries as well. An image's
  /// own libcuda, which is that of another driver, comes behind them.
  mutating func addDriver(
    _ wish: InjectionWish, _ offer: InjectionOffer
  ) throws(ContainerError) {
    guard wish > .auto || (wish == .auto && offer.hasGPUs) else {
      let text = wish == .off ? "not wanted" : "the job was given no GPU of NVIDIA's"
      injections.append(
        .init(injectable: .cuda, isInjected: false, text: text, isUnasked: true))
      return
    }
    guard let driver = offer.driver else {
      return try refuse(
        .cuda, wish, "no driver of NVIDIA's runs on this node",
        remedy: "run on nodes with such GPUs, or leave out cuda", status: .unavailable)
    }
    guard driver.verdict < .fail, driver.files.contains(where: { $0.soname == "libcuda.so.1" })
    else {
      let finding = driver.findings.first { $0.verdict == .fail }
      let cause = finding?.message ?? "the driver has no libcuda.so.1"
      // Who was given GPUs wants to know why they are not found.
      if wish < .user, offer.hasGPUs { warnings.append("no cuda of the node: \(cause)") }
      return try refuse(
        .cuda, wish, cause, remedy: finding?.remedy ?? "install the driver's libraries",
        status: .unavailable)
    }
    for link in driver.links {
      // The link's own name stands for the file that it leads to in the same directory.
      let source = driver.links.first { $0.name == link.target }?.target ?? link.target
      add(
        .init(source, at: "\(Self.driverDirectory)/\(link.name)", isReadOnly: true),
        "NVIDIA's driver: \(link.why)")
    }
    for directory in driver.visible {
      add(.init(directory, isReadOnly: true, isOptional: true), "the driver looks for it there")
    }
    prepend(Self.driverDirectory, to: "LD_LIBRARY_PATH")
    if let monitor = offer.monitor {
      add(
        .init(monitor, at: "\(Self.driverDirectory)/nvidia-smi", isReadOnly: true),
        "NVIDIA's driver: what shows the GPUs")
      environment["PATH"] = (environment["PATH"] ?? "") + ":\(Self.driverDirectory)"
    }
    warnings += driver.findings.filter { $0.verdict > .ok }.map(\.words)
    let version = driver.version.map { " \($0)" } ?? ""
    let cuda = driver.cudaVersion.map { ", CUDA up to \($0)" } ?? ""
    decide(
      .cuda, true,
      "NVIDIA's driver\(version)\(cuda): \(driver.files.count) libraries in \(Self.driverDirectory)"
    )
  }

  // MARK: MPI

  /// Mounts the node's MPIs where they were installed to; which one is used, if any, is decided
  /// in the container.
  mutating func addMPIs(
    _ wish: InjectionWish, _ offer: InjectionOffer
  ) throws(ContainerError) {
    mpiWish = wish
    guard !offer.mpis.isEmpty else {
      guard wish > .auto || !offer.refusals.isEmpty else {
        let text = wish == .off ? "not wanted" : "slipway.toml names none (container.mpi)"
        injections.append(
          .init(injectable: .mpi, isInjected: false, text: text, isUnasked: true))
        return
      }
      return try refuse(
        .mpi, wish, offer.refusals.first ?? "this node has no MPI in the usual places",
        remedy: "have the administrator install one to a directory of its own and name it in "
          + "slipway.toml (container.mpi), or leave out mpi",
        status: .unavailable)
    }
    mpis = offer.mpis
    for mpi in offer.mpis {
      for directory in mpi.directories where !isVisible(directory) {
        add(
          .init(directory, isReadOnly: true, isOptional: true, yields: true),
          "\(mpi.name), where programs work with it")
      }
    }
    for (name, source) in offer.mpis.flatMap({ $0.neighbours.sorted { $0.key < $1.key } }) {
      let place = "\(Self.neighbourDirectory)/\(name)/\(name)"
      guard !sandbox.mounts.contains(where: { $0.destination == place }) else { continue }
      add(
        .init(source, at: place, isReadOnly: true, isOptional: true),
        "the node's MPI needs it, where the image has none")
    }
  }

  // MARK: Parts

  mutating func decide(_ injectable: Injectable, _ isInjected: Bool, _ text: String) {
    injections.append(.init(injectable: injectable, isInjected: isInjected, text: text))
  }

  /// Leaves something out; an error where the user has named it.
  mutating func refuse(
    _ injectable: Injectable, _ wish: InjectionWish, _ cause: String, remedy: String,
    status: ExitStatus
  ) throws(ContainerError) {
    guard wish < .user else {
      throw ContainerError(
        subject: "injecting \(injectable.rawValue)", cause: cause, remedy: remedy, status: status)
    }
    decide(injectable, false, cause)
  }

  private mutating func prepend(_ directory: String, to list: String) {
    environment[list] = environment.nonEmpty(list).map { "\(directory):\($0)" } ?? directory
  }
}
