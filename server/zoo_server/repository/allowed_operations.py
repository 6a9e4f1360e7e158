"""The TensorFlow operations that a model may use: those that compute, by category, and nothing that reaches outside.

What is not here is refused: Python calls, files, network, other programs (XlaCallModule, kernels of plugins), data
sets, summaries, printing, lookup tables (they read files), and stateful random numbers, which would break the promise
that equal seeds give equal pictures.
"""

from collections.abc import Mapping

_ARRAYS = """
BatchToSpace BatchToSpaceND Bitcast BroadcastArgs BroadcastTo CheckNumerics CheckNumericsV2 Concat ConcatOffset
ConcatV2 Const DebugGradientIdentity DeepCopy DepthToSpace Diag DiagPart EditDistance Empty EmptyTensorList EnsureShape
ExpandDims ExtractImagePatches ExtractVolumePatches Fill Fingerprint Gather GatherNd GatherV2
GuaranteeConst Identity IdentityN InplaceAdd InplaceSub InplaceUpdate InvertPermutation LinSpace ListDiff LowerBound
MatrixBandPart MatrixDiag MatrixDiagPart MatrixDiagPartV2 MatrixDiagPartV3 MatrixDiagV2 MatrixDiagV3 MatrixSetDiag
MatrixSetDiagV2 MatrixSetDiagV3 MirrorPad MirrorPadGrad OneHot OnesLike Pack Pad PadV2 ParallelConcat
ParallelDynamicStitch DynamicPartition DynamicStitch Placeholder PlaceholderWithDefault PreventGradient
Range Rank Reshape Reverse ReverseSequence ReverseV2 Roll ScatterNd ScatterNdNonAliasingAdd Shape ShapeN Size Slice
Snapshot SpaceToBatch SpaceToBatchND SpaceToDepth Split SplitV Squeeze StopGradient StridedSlice StridedSliceGrad
TensorScatterAdd TensorScatterMax TensorScatterMin TensorScatterSub TensorScatterUpdate TensorStridedSliceUpdate Tile
Transpose ConjugateTranspose Unique UniqueV2 UniqueWithCounts UniqueWithCountsV2 Unpack UnravelIndex UpperBound Where
ZerosLike
"""

_MATHEMATICS = """
Abs AccumulateNV2 Acos Acosh Add AddN AddV2 All Angle Any ApproximateEqual ArgMax ArgMin Asin Asinh Atan Atan2 Atanh
BatchMatMul BatchMatMulV2 BatchMatMulV3 BesselI0 BesselI0e BesselI1 BesselI1e Betainc Bincount BitwiseAnd BitwiseOr
BitwiseXor Bucketize Cast Ceil ClipByValue Complex ComplexAbs Conj Cos Cosh Cross Cumprod Cumsum CumulativeLogsumexp
DenseBincount Digamma Div DivNoNan Einsum Equal Erf Erfc Erfinv EuclideanNorm Exp Expm1 Floor FloorDiv FloorMod
Greater GreaterEqual HistogramFixedWidth Igamma IgammaGradA Igammac Imag Inv Invert InvGrad IsFinite IsInf IsNan
IsotonicRegression LeftShift Less LessEqual Lgamma Log Log1p LogicalAnd LogicalNot LogicalOr MatMul Max Maximum Mean
Min Minimum Mod Mul MulNoNan Ndtri Neg NextAfter NotEqual NthElement Polygamma PopulationCount Pow Prod Real RealDiv
Reciprocal ReciprocalGrad RightShift Rint Round Rsqrt RsqrtGrad SegmentMax SegmentMean SegmentMin SegmentProd
SegmentSum Select SelectV2 Sigmoid SigmoidGrad Sign Sin Sinh SobolSample Sqrt SqrtGrad Square SquaredDifference Sub
Sum Tan Tanh TanhGrad TopK TopKV2 TruncateDiv TruncateMod UnsortedSegmentMax UnsortedSegmentMin UnsortedSegmentProd
UnsortedSegmentSum Xdivy Xlog1py Xlogy Zeta
"""

_LINEAR_ALGEBRA = """
BandedTriangularSolve BatchFFT BatchFFT2D BatchIFFT BatchIFFT2D Cholesky Eig FFT FFT2D FFT3D IFFT IFFT2D IFFT3D IRFFT
IRFFT2D IRFFT3D L2Loss LogMatrixDeterminant Lu MatrixDeterminant MatrixExponential MatrixInverse MatrixLogarithm
MatrixSolve MatrixSolveLs MatrixSquareRoot MatrixTriangularSolve Qr RFFT RFFT2D RFFT3D SelfAdjointEigV2 Svd
TridiagonalMatMul TridiagonalSolve
"""

_NETWORKS = """
AvgPool AvgPool3D AvgPool3DGrad AvgPoolGrad BiasAdd BiasAddGrad BiasAddV1 Conv Conv2D Conv2DBackpropFilter
Conv2DBackpropFilterV2 Conv2DBackpropInput Conv2DBackpropInputV2 Conv3D Conv3DBackpropFilterV2 Conv3DBackpropInputV2
DataFormatDimMap DataFormatVecPermute DepthwiseConv2dNative DepthwiseConv2dNativeBackpropFilter
DepthwiseConv2dNativeBackpropInput Dilation2D Elu EluGrad FractionalAvgPool FractionalMaxPool FusedBatchNorm
FusedBatchNormGrad FusedBatchNormGradV2 FusedBatchNormGradV3 FusedBatchNormV2 FusedBatchNormV3 FusedPadConv2D
FusedResizeAndPadConv2D InTopK InTopKV2 LRN LRNGrad LeakyRelu LeakyReluGrad LogSoftmax MaxPool MaxPool3D MaxPool3DGrad
MaxPoolGrad MaxPoolGradV2 MaxPoolV2 MaxPoolWithArgmax Relu Relu6 Relu6Grad ReluGrad Selu SeluGrad Softmax
SoftmaxCrossEntropyWithLogits Softplus SoftplusGrad Softsign SoftsignGrad SparseSoftmaxCrossEntropyWithLogits
"""

_LOW_PRECISION = """
Dequantize FakeQuantWithMinMaxArgs FakeQuantWithMinMaxVars FakeQuantWithMinMaxVarsPerChannel QuantizeAndDequantize
QuantizeAndDequantizeV2 QuantizeAndDequantizeV3 QuantizeAndDequantizeV4 QuantizeV2 UniformDequantize UniformQuantize
UniformQuantizedAdd UniformQuantizedConvolution UniformQuantizedConvolutionHybrid UniformQuantizedDot
UniformQuantizedDotHybrid UniformRequantize
"""

# Pictures are tensors here: what reads or writes image files is the server's business.
_PICTURES = """
AdjustContrastv2 AdjustHue AdjustSaturation CropAndResize ExtractGlimpse ExtractGlimpseV2 HSVToRGB
ImageProjectiveTransformV2 ImageProjectiveTransformV3 NonMaxSuppressionV3 RGBToHSV ResizeArea ResizeBicubic
ResizeBilinear ResizeNearestNeighbor ScaleAndTranslate
"""

_RANDOM = """
StatelessMultinomial StatelessParameterizedTruncatedNormal StatelessRandomBinomial StatelessRandomGammaV2
StatelessRandomGammaV3 StatelessRandomGetAlg StatelessRandomGetKeyCounter StatelessRandomGetKeyCounterAlg
StatelessRandomNormal StatelessRandomNormalV2 StatelessRandomPoisson StatelessRandomUniform
StatelessRandomUniformFullInt StatelessRandomUniformFullIntV2 StatelessRandomUniformInt StatelessRandomUniformIntV2
StatelessRandomUniformV2 StatelessShuffle StatelessTruncatedNormal StatelessTruncatedNormalV2
StatelessSampleDistortedBoundingBox
"""

# The functions that these run are in the library of the graph, where every one is looked through.
_CONTROL_FLOW = """
Assert Case ControlTrigger Enter Exit If LoopCond MapDefun Merge NextIteration NoOp PartitionedCall RefEnter
RefExit RefMerge RefNextIteration RefSwitch StatefulPartitionedCall StatelessCase StatelessIf
StatelessWhile Switch SymbolicGradient ToBool While _SwitchN
"""

_VARIABLES = """
AssignAddVariableOp AssignSubVariableOp AssignVariableOp DisableCopyOnRead ReadVariableOp
ResourceGather ResourceGatherNd ResourceScatterAdd ResourceScatterNdUpdate ResourceScatterUpdate
ResourceStridedSliceAssign VarHandleOp VarIsInitializedOp VariableShape
"""

_LISTS = """
TensorArrayCloseV3 TensorArrayConcatV3 TensorArrayGatherV3 TensorArrayGradV3 TensorArrayReadV3 TensorArrayScatterV3
TensorArraySizeV3 TensorArraySplitV3 TensorArrayV3 TensorArrayWriteV3 TensorListConcat TensorListConcatLists
TensorListConcatV2 TensorListElementShape TensorListFromTensor TensorListGather TensorListGetItem TensorListLength
TensorListPopBack TensorListPushBack TensorListPushBackBatch TensorListReserve TensorListResize TensorListScatter
TensorListScatterIntoExistingList TensorListScatterV2 TensorListSetItem TensorListSplit TensorListStack
"""

# For what assertions say, and for hashing numbers; none of them knows what a file is.
_WORDS = """
AsString ReduceJoin StaticRegexFullMatch StaticRegexReplace StringFormat StringJoin StringLength
StringToHashBucketFast
"""

_SAVER = "MergeV2Checkpoints RestoreV2 SaveV2 ShardedFilename"

CATEGORIES: Mapping[str, frozenset[str]] = {
    name: frozenset(text.split())
    for name, text in (
        ("arrays", _ARRAYS),
        ("mathematics", _MATHEMATICS),
        ("linear algebra", _LINEAR_ALGEBRA),
        ("networks", _NETWORKS),
        ("low precision", _LOW_PRECISION),
        ("pictures", _PICTURES),
        ("random numbers by seed", _RANDOM),
        ("control flow", _CONTROL_FLOW),
        ("variables", _VARIABLES),
        ("lists", _LISTS),
        ("words", _WORDS),
    )
}
"""The names of the operations, by what they are for."""

EVERYWHERE = frozenset().union(*CATEGORIES.values())
"""Allowed in the main graph and in every function."""

SAVER = frozenset(_SAVER.split())
"""The operations on checkpoint files: allowed in the two functions that save and restore variables only."""
