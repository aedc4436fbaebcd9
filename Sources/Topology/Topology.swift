import CHwloc
import CLinux
package import Microarchitecture

/// What libhwloc knows of a machine: packages, cores, NUMA nodes and the processor's identity.
///
/// hwloc never gives feature flags. On aarch64 it gives no identity before version 2.11.2.
package struct Topology: Equatable, Sendable {
  package var packages: Int
  package var cores: Int
  package var processingUnits: Int
  package var numaNodes: Int
  /// The infos of the first package, such as `CPUVendor` and `CPUFamilyNumber`.
  package var infos: [String: String]

  /// Where libhwloc reads.
  package enum Source: Equatable, Sendable {
    case thisMachine
    /// A directory that holds `/proc` and `/sys` of the machine.
    case root(String)
    /// A file that `lstopo --of xml` wrote.
    case xml(String)
    /// A directory that `hwloc-gather-cpuid` wrote.
    case cpuid(String)
  }

  /// Reads a machine.
  ///
  /// Call before any thread starts: libhwloc takes its source from variables of
  /// the environment (hwloc(7)).
  package init(of source: Source) throws(TopologyError) {
    Self.select(source)
    let topology = try Handle(source)
    packages = topology.count(HWLOC_OBJ_PACKAGE)
    cores = topology.count(HWLOC_OBJ_CORE)
    processingUnits = topology.count(HWLOC_OBJ_PU)
    numaNodes = topology.count(HWLOC_OBJ_NUMANODE)
    infos = topology.infos
  }

  /// The processor's identity, where hwloc has it; its features are those of the model.
  package var processor: Processor? {
    let number = { (name: String) in
      infos[name].flatMap { Int($0) ?? Int($0.dropFirst(2), radix: 16) }
    }
    var processor: Processor
    if let vendor = infos["CPUVendor"] {
      processor = Processor(
        architecture: .x86_64, vendor: vendor, family: number("CPUFamilyNumber"),
        model: number("CPUModelNumber"), stepping: number("CPUStepping"), name: infos["CPUModel"])
    } else if let implementer = infos["CPUImplementer"] {
      processor = Processor(
        architecture: .aarch64, vendor: implementer, part: number("CPUPart"),
        name: infos["CPUModel"])
    } else if let model = infos["CPUModel"], model.uppercased().hasPrefix("POWER") {
      let level = Int(model.dropFirst(5).prefix(while: \.isNumber)) ?? 0
      processor = Processor(architecture: .ppc64le, name: model)
      processor.features = level < 8 ? [] : Set((8...level).map { "power\($0)" })
      return processor
    } else {
      return nil
    }
    processor.evidence = .identity
    processor.features = KnownModel.of(processor)?.features ?? []
    return processor
  }

  /// Sets the variables that select the source.
  ///
  /// The plugins (OpenCL, X11) tell nothing that slipway asks and cost 2 ms; a directory that does
  /// not exist loads none. The x86 component runs CPUID on this machine, so it is off when another
  /// machine is read.
  private static func select(_ source: Source) {
    sw_set_variable("HWLOC_PLUGINS_PATH", "/nonexistent")
    switch source {
    case .thisMachine: sw_set_variable("HWLOC_COMPONENTS", "linux,stop")
    case .root(let directory):
      sw_set_variable("HWLOC_FSROOT", directory)
      sw_set_variable("HWLOC_COMPONENTS", "linux,stop")
    case .cpuid(let directory):
      sw_set_variable("HWLOC_CPUID_PATH", directory)
      sw_set_variable("HWLOC_COMPONENTS", "x86,stop")
    case .xml: break
    }
  }

  /// The owner of one `hwloc_topology_t`.
  private struct Handle: ~Copyable {
    let topology: hwloc_topology_t

    init(_ source: Source) throws(TopologyError) {
      var handle: hwloc_topology_t?
      guard hwloc_topology_init(&handle) == 0, let handle else {
        throw TopologyError(source: source)
      }
      // hwloc.h: hwloc_topology_set_xml copies what it needs; flags are set before load. Distances
      // and memory attributes are not asked for, and the binding of this process stays alone.
      if case .xml(let file) = source, hwloc_topology_set_xml(handle, file) != 0 {
        hwloc_topology_destroy(handle)
        throw TopologyError(source: source)
      }
      var flags =
        HWLOC_TOPOLOGY_FLAG_NO_DISTANCES.rawValue | HWLOC_TOPOLOGY_FLAG_NO_MEMATTRS.rawValue
        | HWLOC_TOPOLOGY_FLAG_NO_CPUKINDS.rawValue
      // The x86 component refuses to load without binding, even from a dump.
      if case .cpuid = source {} else { flags |= HWLOC_TOPOLOGY_FLAG_DONT_CHANGE_BINDING.rawValue }
      guard hwloc_topology_set_flags(handle, UInt(flags)) == 0, hwloc_topology_load(handle) == 0
      else {
        hwloc_topology_destroy(handle)
        throw TopologyError(source: source)
      }
      topology = handle
    }

    deinit { hwloc_topology_destroy(topology) }

    borrowing func count(_ type: hwloc_obj_type_t) -> Int {
      max(0, Int(hwloc_get_nbobjs_by_type(topology, type)))
    }

    /// hwloc.h: infos belong to the object, which lives as long as the topology; copied out.
    var infos: [String: String] {
      guard let package = hwloc_get_obj_by_type(topology, HWLOC_OBJ_PACKAGE, 0) else { return [:] }
      var infos: [String: String] = [:]
      for index in 0..<slipway_info_count(package) {
        infos[String(cString: slipway_info_name(package, index))] =
          String(cString: slipway_info_value(package, index))
      }
      return infos
    }
  }
}

/// A topology that libhwloc cannot load.
package struct TopologyError: Error, Equatable, CustomStringConvertible {
  package var source: Topology.Source

  package var description: String {
    switch source {
    case .thisMachine: "libhwloc cannot read this machine; remedy: check that /sys is mounted"
    case .root(let path):
      "libhwloc cannot read the machine below \(path); remedy: gather it with hwloc-gather-topology"
    case .xml(let path):
      "libhwloc cannot read \(path); remedy: write it with `lstopo --of xml` of an hwloc that is "
        + "not newer than this one"
    case .cpuid(let path):
      "libhwloc cannot read the CPUID dump \(path); remedy: gather it with hwloc-gather-cpuid"
    }
  }
}
