/// An instruction as `objdump -M intel` prints it.
struct Instruction: Hashable, CustomStringConvertible {
  var mnemonic: String
  var operands: String
  /// Whether objdump says that the older encoding was chosen where the newer is usual.
  var isMarkedVEX: Bool

  var description: String { "\(mnemonic) \(operands)" }

  /// Reads text such as `vaddps ymm0,ymm0,YMMWORD PTR [rsi]`.
  init(_ text: some StringProtocol) {
    var words = text.split(separator: " ")
    isMarkedVEX = words.contains("{vex}")
    while let word = words.first, Self.prefixes.contains(String(word)) { words.removeFirst() }
    mnemonic = words.first.map { String($0) } ?? "nop"
    operands = words.dropFirst().joined(separator: " ")
  }

  private static let prefixes: Set = [
    "lock", "rep", "repz", "repnz", "bnd", "notrack", "data16", "cs", "ds", "es", "fs", "gs",
    "rex.W", "rex", "addr32", "{vex}", "{evex}", "{vex3}", "xacquire", "xrelease",
  ]

  /// The features that it needs, by the kernel's names, beyond the x86-64 baseline; nil for an
  /// instruction that the tables do not hold.
  ///
  /// Source: Intel SDM volume 2, the column "CPUID feature flag"; AMD APM volume 3.
  var features: Set<String>? {
    if let known = InstructionTable.scalar[mnemonic] { return known.isEmpty ? [] : [known] }
    if let known = InstructionTable.legacy[mnemonic] { return known.isEmpty ? [] : [known] }
    if isBaseline { return [] }
    if mnemonic.hasPrefix("k"), let known = maskFeature { return [known] }
    if mnemonic.hasPrefix("v") { return vector(String(mnemonic.dropFirst())) }
    return nil
  }

  private var isBaseline: Bool {
    if InstructionTable.baseline.contains(mnemonic) { return true }
    for family in ["set", "cmov", "j"] where mnemonic.hasPrefix(family) {
      return InstructionTable.conditions.contains(String(mnemonic.dropFirst(family.count)))
    }
    return false
  }

  private enum Width: Int, Comparable {
    case none, xmm, ymm, zmm
    static func < (a: Self, b: Self) -> Bool { a.rawValue < b.rawValue }
  }

  private var width: Width {
    if operands.contains("zmm") || operands.contains("ZMMWORD") { return .zmm }
    if operands.contains("ymm") || operands.contains("YMMWORD") { return .ymm }
    return operands.contains("xmm") || operands.contains("XMMWORD") ? .xmm : .none
  }

  /// Whether only the encoding of AVX-512 can hold the operands.
  private var isEVEX: Bool {
    if width == .zmm || operands.contains("{") || operands.contains("BCST") { return true }
    let words = operands.split { !($0.isLetter || $0.isNumber) }
    return words.contains { word in
      if word.count == 2, word.first == "k", word.last?.isNumber == true { return true }
      guard word.hasPrefix("xmm") || word.hasPrefix("ymm"), let n = Int(word.dropFirst(3)) else {
        return false
      }
      return n > 15
    }
  }

  /// `kandw` needs avx512f, `kandb` avx512dq, `kandd` and `kandq` avx512bw.
  private var maskFeature: String? {
    let operation = mnemonic.dropFirst()
    if mnemonic == "kunpckbw" { return "avx512f" }
    if ["kunpckwd", "kunpckdq"].contains(mnemonic) { return "avx512bw" }
    let names = ["mov", "andn", "and", "or", "xor", "xnor", "not", "ortest", "shiftl", "shiftr"]
    guard let kind = operation.last else { return nil }
    if names.contains(String(operation.dropLast())) {
      return ["w": "avx512f", "b": "avx512dq", "d": "avx512bw", "q": "avx512bw"][kind]
    }
    if ["test", "add"].contains(operation.dropLast()) {
      return ["w": "avx512dq", "b": "avx512dq", "d": "avx512bw", "q": "avx512bw"][kind]
    }
    return nil
  }

  // MARK: VEX and EVEX

  private func vector(_ name: String) -> Set<String>? {
    let isScalar =
      name.hasSuffix("ss") || name.hasSuffix("sd") || name.hasSuffix("sh")
      || name.contains("si") || name == "movd" || name == "movq" || name == "movw"
      || name.hasPrefix("pextr") || name.hasPrefix("pinsr")
    let vl: Set<String> = width < .zmm && !isScalar ? ["avx512vl"] : []

    if name.hasPrefix("pclmul") {
      if width > .xmm || isEVEX {
        return isEVEX ? vl.union(["vpclmulqdq", "avx512f"]) : ["vpclmulqdq"]
      }
      return ["pclmulqdq", "avx"]
    }
    if name.hasPrefix("aes") {
      if width > .xmm || isEVEX { return isEVEX ? vl.union(["vaes", "avx512f"]) : ["vaes"] }
      return ["aes", "avx"]
    }
    if name.hasPrefix("gf2p8") { return isEVEX ? vl.union(["gfni", "avx512f"]) : ["gfni", "avx"] }
    if name.hasPrefix("pdp") {
      return isMarkedVEX ? ["avx_vnni"] : vl.union(["avx512_vnni", "avx512f"])
    }
    if name.hasSuffix("ph") && !name.hasPrefix("cvt") || name.hasSuffix("sh") || name == "movw" {
      return isScalar ? ["avx512_fp16"] : vl.union(["avx512_fp16"])
    }
    if name.hasPrefix("fm") || name.hasPrefix("fnm") {
      return isEVEX ? vl.union(["avx512f"]) : ["fma"]
    }
    if name == "cvtph2ps" || name == "cvtps2ph" { return isEVEX ? vl.union(["avx512f"]) : ["f16c"] }
    if name.hasPrefix("cvt"), ["ph2", "2ph", "sh2", "2sh"].contains(where: name.contains) {
      return isScalar ? ["avx512_fp16"] : vl.union(["avx512_fp16"])
    }
    if name.contains("bf16") || name == "dpbf16ps" { return vl.union(["avx512_bf16"]) }

    if let feature = InstructionTable.evexOnly[name] {
      return isScalar ? [feature, "avx512f"] : vl.union([feature, "avx512f"])
    }
    if isEVEX, let feature = comparison(name) { return vl.union([feature]) }
    if let minimum = InstructionTable.vex[name] ?? inherited(name) {
      guard isEVEX else {
        // A broadcast from a register came with AVX2 only.
        if ["broadcastss", "broadcastsd"].contains(name), !operands.contains("[") {
          return ["avx2"]
        }
        return [minimum]
      }
      return vl.union([InstructionTable.evexFeature(name), "avx512f"])
    }
    return nil
  }

  /// The VEX form of an older instruction: integers of 256 bits came with AVX2.
  private func inherited(_ name: String) -> String? {
    guard InstructionTable.legacy[name] != nil || InstructionTable.sse.contains(name) else {
      return nil
    }
    let isInteger =
      name.hasPrefix("p") && name != "ptest" || name == "mpsadbw" || name == "movntdqa"
    return width == .ymm && isInteger ? "avx2" : "avx"
  }

  /// `vpcmpltub k1,…`, which objdump names by its predicate, and `vcmpltps k1,…`.
  private func comparison(_ name: String) -> String? {
    if name.hasPrefix("cmp"), ["ps", "pd", "ss", "sd"].contains(where: name.hasSuffix) {
      return "avx512f"
    }
    guard name.hasPrefix("pcmp"), let kind = name.last else { return nil }
    return ["b": "avx512bw", "w": "avx512bw", "d": "avx512f", "q": "avx512f"][kind]
  }
}

/// What the instructions of x86 belong to.
enum InstructionTable {
  static let conditions = Set(
    "a ae b be c e g ge l le na nae nb nbe nc ne ng nge nl nle no np ns nz o p pe po s z mp cxz ecxz rcxz"
      .split(separator: " ").map(String.init))

  /// The instructions that every x86_64 processor has and that touch no vector register.
  static let baseline = Set(
    expand(
      """
      adc add and bsf bsr bswap bt btc btr bts call cbw cdq cdqe clc cld cli cmc cmp cmpxchg
      cmpxchg8b cpuid cqo cwd cwde dec div enter hlt idiv imul in inc int int3 lea leave lfence
      lods loop mfence mov movabs movs movsx movsxd movzx mul neg nop not or out pause pop popf push
      pushf rcl rcr rdtsc ret rol ror sal sar sbb scas sfence shl shld shr shrd std stc stos sub
      syscall test ud2 ud1 xadd xchg xlat xor cmps endbr64 emms clflush xgetbv prefetch{nta,t0,t1,t2}
      f{abs,add,addp,bld,bstp,chs,clex,com,comi,comip,comp,compp,cos,decstp,div,divp,divr,divrp,free}
      f{iadd,icom,icomp,idiv,idivr,ild,imul,incstp,init,ist,istp,isub,isubr,ld,ld1,ldcw,ldenv,ldl2e}
      f{ldl2t,ldlg2,ldln2,ldpi,ldz,mul,mulp,nclex,ninit,nop,nstcw,nstenv,nstsw,patan,prem,prem1,ptan}
      f{rndint,scale,sin,sincos,sqrt,st,stcw,stp,stsw,sub,subp,subr,subrp,tst,ucom,ucomi,ucomip}
      f{ucomp,ucompp,xam,xch,xrstor,xsave,xtract,yl2x,yl2xp1} fwait
      fcmov{b,e,be,u,nb,ne,nbe,nu}
      """) + sse.sorted())

  /// SSE and SSE2.
  static let sse = Set(
    expand(
      """
      add{ps,pd,ss,sd} sub{ps,pd,ss,sd} mul{ps,pd,ss,sd} div{ps,pd,ss,sd} min{ps,pd,ss,sd}
      max{ps,pd,ss,sd} sqrt{ps,pd,ss,sd} and{ps,pd} andn{ps,pd} or{ps,pd} xor{ps,pd}
      cmp{ps,pd,ss,sd} cmpeq{ps,pd,ss,sd} cmplt{ps,pd,ss,sd} cmple{ps,pd,ss,sd}
      cmpunord{ps,pd,ss,sd} cmpneq{ps,pd,ss,sd} cmpnlt{ps,pd,ss,sd} cmpnle{ps,pd,ss,sd}
      cmpord{ps,pd,ss,sd} cmpgt{ps,pd,ss,sd} cmpge{ps,pd,ss,sd} cmpngt{ps,pd,ss,sd}
      cmpnge{ps,pd,ss,sd} comiss comisd ucomiss ucomisd
      cvtdq2{ps,pd} cvtpd2{dq,ps} cvtps2{dq,pd} cvtsd2{si,ss} cvtsi2{sd,ss} cvtss2{sd,si}
      cvttpd2dq cvttps2dq cvttsd2si cvttss2si
      mov{aps,apd,ups,upd,ss,sd,d,q,dqa,dqu,hps,hpd,lps,lpd,hlps,lhps,mskps,mskpd,ntps,ntpd,ntdq,nti}
      movdq2q movq2dq packsswb packssdw packuswb padd{b,w,d,q,sb,sw,usb,usw}
      psub{b,w,d,q,sb,sw,usb,usw} pand pandn por pxor pavg{b,w} pcmpeq{b,w,d} pcmpgt{b,w,d} pextrw
      pinsrw pmaddwd pmax{sw,ub} pmin{sw,ub} pmovmskb pmul{hw,huw,lw,udq} psadbw pshuf{d,hw,lw,w}
      psll{w,d,q,dq} psra{w,d} psrl{w,d,q,dq} punpck{h,l}{bw,wd,dq,qdq} rcp{ps,ss} rsqrt{ps,ss}
      shuf{ps,pd} unpck{h,l}{ps,pd} ldmxcsr stmxcsr maskmovdqu
      """))

  /// Instructions of general registers that came after the baseline.
  static let scalar = table([
    "bmi1": "andn bextr blsi blsmsk blsr", "bmi2": "bzhi mulx pdep pext rorx sarx shlx shrx",
    "abm": "lzcnt", "popcnt": "popcnt", "adx": "adcx adox", "movbe": "movbe", "sse4_2": "crc32",
    "cx16": "cmpxchg16b", "rdrand": "rdrand", "rdseed": "rdseed", "rdpid": "rdpid",
    "lahf_lm": "lahf sahf", "clflushopt": "clflushopt", "clwb": "clwb", "movdiri": "movdiri",
    "movdir64b": "movdir64b", "3dnowprefetch": "prefetchw prefetch",
    "xsave": "xsave xsave64 xrstor xrstor64",
    // GCC writes `rep bsf` for any processor: those without BMI1 run it as bsf, and GCC does so
    // only where the result for 0 does not matter.
    "": "tzcnt",
  ])

  /// Instructions of vector registers in the older encoding, after SSE2.
  static let legacy = table([
    "pni": "addsub{ps,pd} hadd{ps,pd} hsub{ps,pd} lddqu movddup movshdup movsldup fisttp",
    "ssse3":
      "pabs{b,w,d} palignr phadd{w,d,sw} phsub{w,d,sw} pmaddubsw pmulhrsw pshufb psign{b,w,d}",
    "sse4_1":
      """
    blend{ps,pd} blendv{ps,pd} dp{ps,pd} extractps insertps movntdqa mpsadbw packusdw pblendvb
    pblendw pcmpeqq pextr{b,d,q} phminposuw pinsr{b,d,q} pmax{sb,sd,ud,uw} pmin{sb,sd,ud,uw}
    pmov{s,z}x{bw,bd,bq,wd,wq,dq} pmuldq pmulld ptest round{ps,pd,ss,sd}
    """,
    "sse4_2": "pcmpgtq pcmp{e,i}str{i,m}", "sse4a": "extrq insertq movntsd movntss",
    "aes": "aes{enc,enclast,dec,declast,imc,keygenassist}",
    "pclmulqdq": "pclmulqdq pclmul{l,h}q{l,h}qdq",
    "sha_ni": "sha1{rnds4,nexte,msg1,msg2} sha256{rnds2,msg1,msg2}",
    "gfni": "gf2p8{affineqb,affineinvqb,mulb}",
  ])

  /// What AVX and AVX2 brought beyond the older instructions, without the `v`.
  static let vex = table([
    "avx":
      """
    broadcast{ss,sd,f128} insertf128 extractf128 perm2f128 permil{ps,pd} maskmov{ps,pd} test{ps,pd}
    zeroupper zeroall
    """,
    "avx2":
      """
    pbroadcast{b,w,d,q} broadcasti128 inserti128 extracti128 perm2i128 perm{d,q,ps,pd} pblendd
    pmaskmov{d,q} gather{d,q}{ps,pd} pgather{d,q}{d,q} psllv{d,q} psrlv{d,q} psravd
    """,
  ])

  /// What exists in the encoding of AVX-512 only, without the `v`.
  static let evexOnly = table([
    "avx512f":
      """
    pternlog{d,q} align{d,q} pcompress{d,q} compress{ps,pd} expand{ps,pd} pexpand{d,q}
    permt2{d,q,ps,pd} permi2{d,q,ps,pd} blendm{ps,pd} pblendm{d,q} ptestm{d,q} ptestnm{d,q}
    pmov{,s,us}{qd,qw,qb,dw,db} psraq psravq prol{d,q} prolv{d,q} pror{d,q} prorv{d,q}
    scalef{ps,pd,ss,sd} getexp{ps,pd,ss,sd} getmant{ps,pd,ss,sd} rndscale{ps,pd,ss,sd}
    fixupimm{ps,pd,ss,sd} rcp14{ps,pd,ss,sd} rsqrt14{ps,pd,ss,sd} cvt{,t}p{s,d}2udq
    cvtudq2{ps,pd} cvtusi2{ss,sd} cvt{,t}s{s,d}2usi insert{f,i}{32x4,64x4} extract{f,i}{32x4,64x4}
    broadcast{f,i}{32x4,64x4} shuf{f,i}{32x4,64x2} pabsq pmax{s,u}q pmin{s,u}q movdqa{32,64}
    movdqu{32,64} pand{d,q} pandn{d,q} por{d,q} pxor{d,q} scatter{d,q}{ps,pd} pscatter{d,q}{d,q}
    """,
    "avx512dq":
      """
    pmullq pmov{d,q}2m pmovm2{d,q} range{ps,pd,ss,sd} reduce{ps,pd,ss,sd} fpclass{ps,pd,ss,sd}
    cvt{,t}p{s,d}2qq cvt{,t}p{s,d}2uqq cvtqq2{ps,pd} cvtuqq2{ps,pd} insert{f,i}{64x2,32x8}
    extract{f,i}{64x2,32x8} broadcast{f,i}{64x2,32x8,32x2}
    """,
    "avx512bw":
      """
    pmov{b,w}2m pmovm2{b,w} pmov{,s,us}wb permw permt2w permi2w pblendm{b,w} ptestm{b,w}
    ptestnm{b,w} psllvw psrlvw psravw dbpsadbw movdqu{8,16}
    """,
    "avx512cd": "pconflict{d,q} plzcnt{d,q} pbroadcastm{b2q,w2d}",
    "avx512vbmi": "permb permt2b permi2b pmultishiftqb",
    "avx512_vbmi2": "pcompress{b,w} pexpand{b,w} psh{l,r}d{w,d,q} psh{l,r}dv{w,d,q}",
    "avx512_vpopcntdq": "popcnt{d,q}", "avx512_bitalg": "popcnt{b,w} pshufbitqmb",
    "avx512ifma": "pmadd52{l,h}uq", "avx512_vp2intersect": "p2intersect{d,q}",
  ])

  /// What the AVX-512 form of an older instruction came with.
  static func evexFeature(_ name: String) -> String {
    if logic.contains(name) || name == "pextrd" || name == "pextrq" || name == "pinsrd"
      || name == "pinsrq"
    {
      return "avx512dq"
    }
    return bytesAndWords.contains(name) ? "avx512bw" : "avx512f"
  }

  private static let logic = Set(expand("and{ps,pd} andn{ps,pd} or{ps,pd} xor{ps,pd}"))

  private static let bytesAndWords = Set(
    expand(
      """
      padd{b,w,sb,sw,usb,usw} psub{b,w,sb,sw,usb,usw} pavg{b,w} pabs{b,w} pmax{sb,sw,ub,uw}
      pmin{sb,sw,ub,uw} pcmpeq{b,w} pcmpgt{b,w} pmaddwd pmaddubsw pmul{hw,huw,lw,hrsw} psadbw psllw
      psraw psrlw pslldq psrldq pshufb pshufhw pshuflw punpck{h,l}{bw,wd} packsswb packssdw packuswb
      packusdw palignr pmov{s,z}xbw pextr{b,w} pinsr{b,w} pbroadcast{b,w}
      """))

  private static func table(_ features: [String: String]) -> [String: String] {
    var table: [String: String] = [:]
    for (feature, names) in features {
      for name in expand(names) { table[name] = feature }
    }
    return table
  }

  /// Writes out `padd{b,w}` as `paddb` and `paddw`.
  private static func expand(_ words: String) -> [String] {
    words.split(whereSeparator: \.isWhitespace).flatMap { alternatives(String($0)) }
  }

  private static func alternatives(_ word: String) -> [String] {
    guard let open = word.firstIndex(of: "{"), let close = word.firstIndex(of: "}") else {
      return [word]
    }
    let (start, end) = (word[..<open], word[word.index(after: close)...])
    return word[word.index(after: open)..<close]
      .split(separator: ",", omittingEmptySubsequences: false)
      .flatMap { alternatives("\(start)\($0)\(end)") }
  }
}
