package tflite

import "github.com/kerasrun/kerasrun/runtime/graph"

// Names and numbers of version 3 of the TensorFlow Lite schema
// (https://github.com/google-ai-edge/LiteRT/blob/main/tflite/converter/schema/schema.fbs).

// identifier is the file identifier.
const identifier = "TFL3"

// schemaVersion is Model.version.
const schemaVersion = 3

// Slots of the fields of tables, and the number of fields that a table has here.
const (
	modelVersion, modelOpcodes, modelSubgraphs, modelDescription, modelBuffers, modelSignatures, modelFields = 0, 1, 2, 3, 4, 7, 8

	opcodeOld, opcodeVersion, opcodeCode, opcodeFields = 0, 2, 3, 4

	subgraphTensors, subgraphInputs, subgraphOutputs, subgraphOperators, subgraphName, subgraphFields = 0, 1, 2, 3, 4, 5

	tensorShape, tensorType, tensorBuffer, tensorName, tensorSignature, tensorHasRank, tensorFields = 0, 1, 2, 3, 7, 8, 9

	operatorCode, operatorInputs, operatorOutputs, operatorOptionsType, operatorOptions, operatorFields = 0, 1, 2, 3, 4, 5

	bufferData, bufferFields = 0, 1

	signatureInputs, signatureOutputs, signatureKey, signatureSubgraph, signatureFields = 0, 1, 2, 4, 5

	mapName, mapTensor, mapFields = 0, 1, 2
)

// elementTypes are the numbers of TensorType.
var elementTypes = map[graph.DType]int8{
	graph.Float32: 0, graph.Int32: 2, graph.Uint8: 3, graph.Int64: 4, graph.Bool: 6, graph.Int16: 7, graph.Int8: 9,
}

// An opcode is a BuiltinOperator.
type opcode int32

// The operators that are written.
const (
	opAdd             opcode = 0
	opAveragePool2D   opcode = 1
	opConcatenation   opcode = 2
	opConv2D          opcode = 3
	opDepthwiseConv2D opcode = 4
	opFloor           opcode = 8
	opFullyConnected  opcode = 9
	opLogistic        opcode = 14
	opMaxPool2D       opcode = 17
	opMul             opcode = 18
	opRelu            opcode = 19
	opRelu6           opcode = 21
	opReshape         opcode = 22
	opResizeBilinear  opcode = 23
	opSoftmax         opcode = 25
	opTanh            opcode = 28
	opPad             opcode = 34
	opGather          opcode = 36
	opTranspose       opcode = 39
	opMean            opcode = 40
	opSub             opcode = 41
	opDiv             opcode = 42
	opSqueeze         opcode = 43
	opStridedSlice    opcode = 45
	opExp             opcode = 47
	opLogSoftmax      opcode = 50
	opCast            opcode = 53
	opPRelu           opcode = 54
	opMaximum         opcode = 55
	opArgMax          opcode = 56
	opMinimum         opcode = 57
	opLess            opcode = 58
	opNeg             opcode = 59
	opPadV2           opcode = 60
	opGreater         opcode = 61
	opGreaterEqual    opcode = 62
	opLessEqual       opcode = 63
	opSin             opcode = 66
	opTransposeConv   opcode = 67
	opTile            opcode = 69
	opExpandDims      opcode = 70
	opEqual           opcode = 71
	opNotEqual        opcode = 72
	opLog             opcode = 73
	opSum             opcode = 74
	opSqrt            opcode = 75
	opRsqrt           opcode = 76
	opShape           opcode = 77
	opPow             opcode = 78
	opArgMin          opcode = 79
	opReduceProd      opcode = 81
	opReduceMax       opcode = 82
	opLogicalOr       opcode = 84
	opLogicalAnd      opcode = 86
	opRange           opcode = 96
	opLogicalNot      opcode = 87
	opReduceMin       opcode = 89
	opFloorDiv        opcode = 90
	opReduceAny       opcode = 91
	opSquare          opcode = 92
	opFill            opcode = 94
	opFloorMod        opcode = 95
	opResizeNearest   opcode = 97
	opLeakyRelu       opcode = 98
	opMirrorPad       opcode = 100
	opAbs             opcode = 101
	opCeil            opcode = 104
	opReverseV2       opcode = 105
	opCos             opcode = 108
	opElu             opcode = 111
	opRound           opcode = 116
	opHardSwish       opcode = 117
	opWhile           opcode = 119
	opSelectV2        opcode = 123
	opBatchMatMul     opcode = 126
	opConv3D          opcode = 132
	opReduceAll       opcode = 140
	opConv3DTranspose opcode = 141
	opGelu            opcode = 150
	opDynamicUpdate   opcode = 151
	opAtan2           opcode = 156
	opSign            opcode = 158
)

// versions are those of operators whose options need more than version 1.
var versions = map[opcode]int32{opFullyConnected: 5, opResizeBilinear: 3, opResizeNearest: 3}

// An optionTable is a member of the union BuiltinOptions.
type optionTable byte

// The tables of options that have fields which are written.
const (
	noOptions            optionTable = 0
	conv2DOptions        optionTable = 1
	depthwiseOptions     optionTable = 2
	pool2DOptions        optionTable = 5
	fullyConnectedOption optionTable = 8
	softmaxOptions       optionTable = 9
	concatOptions        optionTable = 10
	addOptions           optionTable = 11
	resizeBilinearOption optionTable = 15
	mulOptions           optionTable = 21
	gatherOptions        optionTable = 23
	reducerOptions       optionTable = 27
	subOptions           optionTable = 28
	divOptions           optionTable = 29
	squeezeOptions       optionTable = 30
	stridedSliceOptions  optionTable = 32
	castOptions          optionTable = 37
	argMaxOptions        optionTable = 40
	transposeConvOptions optionTable = 49
	shapeOptions         optionTable = 55
	argMinOptions        optionTable = 57
	resizeNearestOptions optionTable = 74
	leakyReluOptions     optionTable = 75
	mirrorPadOptions     optionTable = 77
	whileOptions         optionTable = 93
	batchMatMulOptions   optionTable = 101
	conv3DOptions        optionTable = 106
	geluOptions          optionTable = 116
)

// optionFields is more than the highest slot of the option tables.
const optionFields = 8

// The values of Padding.
const (
	paddingSame  int8 = 0
	paddingValid int8 = 1
)

// The values of MirrorPadMode.
const (
	mirrorReflect   int8 = 0
	mirrorSymmetric int8 = 1
)
