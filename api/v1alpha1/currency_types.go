package v1alpha1

// Currency is an ISO 4217 alphabetic code of a currency in circulation. How
// many decimals it has is in internal/domain/money; the rule in Order's spec that
// limits the decimals of a price names the currencies that have not two.
//
// Source: ISO 4217 list one. Metals, test codes and bond-market units are left
// out: nobody pays an order in them.
//
// +kubebuilder:validation:Enum=AED;AFN;ALL;AMD;AOA;ARS;AUD;AWG;AZN;BAM;BBD;BDT;BHD;BIF;BMD;BND;BOB;BRL;BSD;BTN;BWP;BYN;BZD;CAD;CDF;CHF;CLF;CLP;CNY;COP;CRC;CUP;CVE;CZK;DJF;DKK;DOP;DZD;EGP;ERN;ETB;EUR;FJD;FKP;GBP;GEL;GHS;GIP;GMD;GNF;GTQ;GYD;HKD;HNL;HTG;HUF;IDR;ILS;INR;IQD;IRR;ISK;JMD;JOD;JPY;KES;KGS;KHR;KMF;KPW;KRW;KWD;KYD;KZT;LAK;LBP;LKR;LRD;LSL;LYD;MAD;MDL;MGA;MKD;MMK;MNT;MOP;MRU;MUR;MVR;MWK;MXN;MYR;MZN;NAD;NGN;NIO;NOK;NPR;NZD;OMR;PAB;PEN;PGK;PHP;PKR;PLN;PYG;QAR;RON;RSD;RUB;RWF;SAR;SBD;SCR;SDG;SEK;SGD;SHP;SLE;SOS;SRD;SSP;STN;SVC;SYP;SZL;THB;TJS;TMT;TND;TOP;TRY;TTD;TWD;TZS;UAH;UGX;USD;UYU;UYW;UZS;VED;VES;VND;VUV;WST;XAF;XCD;XCG;XOF;XPF;YER;ZAR;ZMW;ZWG
type Currency string
