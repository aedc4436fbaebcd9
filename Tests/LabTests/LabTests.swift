import TestSupport
import Testing

/// Tests on a real Slurm cluster, one after the other.
@Suite(.serialized, .lab, .tags(.large))
struct LabTests {}
