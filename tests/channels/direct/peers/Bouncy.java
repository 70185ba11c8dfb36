import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.OutputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.KeyFactory;
import java.security.KeyPair;
import java.security.KeyPairGenerator;
import java.security.PrivateKey;
import java.security.Security;
import java.security.cert.CertificateFactory;
import java.security.cert.X509Certificate;
import java.security.interfaces.ECPublicKey;
import java.security.spec.MGF1ParameterSpec;
import java.security.spec.PKCS8EncodedKeySpec;
import java.util.List;
import javax.crypto.spec.OAEPParameterSpec;
import javax.crypto.spec.PSource;
import org.bouncycastle.asn1.ASN1ObjectIdentifier;
import org.bouncycastle.asn1.x509.AlgorithmIdentifier;
import org.bouncycastle.cert.jcajce.JcaCertStore;
import org.bouncycastle.cms.CMSAlgorithm;
import org.bouncycastle.cms.CMSAuthEnvelopedData;
import org.bouncycastle.cms.CMSAuthEnvelopedDataGenerator;
import org.bouncycastle.cms.CMSEnvelopedData;
import org.bouncycastle.cms.CMSEnvelopedDataStreamGenerator;
import org.bouncycastle.cms.CMSProcessableByteArray;
import org.bouncycastle.cms.CMSSignedData;
import org.bouncycastle.cms.CMSSignedDataStreamGenerator;
import org.bouncycastle.cms.Recipient;
import org.bouncycastle.cms.RecipientInfoGenerator;
import org.bouncycastle.cms.RecipientInformation;
import org.bouncycastle.cms.SignerInformation;
import org.bouncycastle.cms.jcajce.JcaSignerInfoGeneratorBuilder;
import org.bouncycastle.cms.jcajce.JcaSimpleSignerInfoVerifierBuilder;
import org.bouncycastle.cms.jcajce.JceCMSContentEncryptorBuilder;
import org.bouncycastle.cms.jcajce.JceKeyAgreeEnvelopedRecipient;
import org.bouncycastle.cms.jcajce.JceKeyAgreeRecipientInfoGenerator;
import org.bouncycastle.cms.jcajce.JceKeyTransAuthEnvelopedRecipient;
import org.bouncycastle.cms.jcajce.JceKeyTransEnvelopedRecipient;
import org.bouncycastle.cms.jcajce.JceKeyTransRecipientInfoGenerator;
import org.bouncycastle.jce.provider.BouncyCastleProvider;
import org.bouncycastle.operator.ContentSigner;
import org.bouncycastle.operator.OutputAEADEncryptor;
import org.bouncycastle.operator.jcajce.JcaAlgorithmParametersConverter;
import org.bouncycastle.operator.jcajce.JcaContentSignerBuilder;
import org.bouncycastle.operator.jcajce.JcaDigestCalculatorProviderBuilder;
import org.bouncycastle.asn1.pkcs.PKCSObjectIdentifiers;

/**
 * BouncyCastle as the other side, in the stream classes that mail software uses. Each argument is one job:
 * encrypt|CIPHER|TRANSPORT|in|out|certificate... , decrypt|in|out|key , sign|ALGORITHM|in|out|key|certificate ,
 * verify|signature|content|out . A job that fails leaves its reason in out with ".error".
 */
public class Bouncy {
    public static void main(String[] jobs) throws Exception {
        Security.addProvider(new BouncyCastleProvider());
        for (String job : jobs) {
            String[] words = job.split("\\|");
            String out = words[words[0].equals("decrypt") ? 2 : words[0].equals("encrypt") ? 4 : 3];
            try {
                Files.write(Path.of(out), run(words));
            } catch (Exception error) {
                Files.writeString(Path.of(out + ".error"), error.toString());
            }
        }
    }

    static byte[] run(String[] words) throws Exception {
        switch (words[0]) {
            case "encrypt": return encrypt(words);
            case "decrypt": return decrypt(read(words[1]), key(words[3]));
            case "sign": return sign(words);
            default: return verify(read(words[1]), read(words[2]));
        }
    }

    static byte[] encrypt(String[] words) throws Exception {
        ASN1ObjectIdentifier cipher = (ASN1ObjectIdentifier) CMSAlgorithm.class.getField(words[1]).get(null);
        if (words[1].endsWith("GCM")) {
            CMSAuthEnvelopedDataGenerator generator = new CMSAuthEnvelopedDataGenerator();
            for (int i = 5; i < words.length; i++) {
                generator.addRecipientInfoGenerator(recipient(certificate(words[i]), words[2]));
            }
            OutputAEADEncryptor encryptor =
                (OutputAEADEncryptor) new JceCMSContentEncryptorBuilder(cipher).setProvider("BC").build();
            return generator.generate(new CMSProcessableByteArray(read(words[3])), encryptor).getEncoded();
        }
        CMSEnvelopedDataStreamGenerator generator = new CMSEnvelopedDataStreamGenerator();
        for (int i = 5; i < words.length; i++) {
            generator.addRecipientInfoGenerator(recipient(certificate(words[i]), words[2]));
        }
        ByteArrayOutputStream written = new ByteArrayOutputStream();
        OutputStream to = generator.open(written, new JceCMSContentEncryptorBuilder(cipher).setProvider("BC").build());
        to.write(read(words[3]));
        to.close();
        return written.toByteArray();
    }

    static RecipientInfoGenerator recipient(X509Certificate certificate, String transport) throws Exception {
        if (certificate.getPublicKey() instanceof ECPublicKey) {
            KeyPairGenerator pairs = KeyPairGenerator.getInstance("EC", "BC");
            pairs.initialize(((ECPublicKey) certificate.getPublicKey()).getParams());
            KeyPair pair = pairs.generateKeyPair();
            return new JceKeyAgreeRecipientInfoGenerator(
                CMSAlgorithm.ECDH_SHA256KDF, pair.getPrivate(), pair.getPublic(), CMSAlgorithm.AES256_WRAP)
                .addRecipient(certificate).setProvider("BC");
        }
        if (transport.equals("PKCS1")) {
            return new JceKeyTransRecipientInfoGenerator(certificate).setProvider("BC");
        }
        AlgorithmIdentifier oaep = new JcaAlgorithmParametersConverter().getAlgorithmIdentifier(
            PKCSObjectIdentifiers.id_RSAES_OAEP,
            new OAEPParameterSpec(transport, "MGF1", new MGF1ParameterSpec(transport), PSource.PSpecified.DEFAULT));
        return new JceKeyTransRecipientInfoGenerator(certificate, oaep).setProvider("BC");
    }

    static byte[] decrypt(byte[] enveloped, PrivateKey key) throws Exception {
        boolean authenticated = new String(enveloped, 0, Math.min(40, enveloped.length), "ISO-8859-1")
            .contains("\u002a\u0086\u0048\u0086\u00f7\r\u0001\t\u0010\u0001\u0017");
        Iterable<RecipientInformation> recipients = authenticated
            ? new CMSAuthEnvelopedData(enveloped).getRecipientInfos()
            : new CMSEnvelopedData(enveloped).getRecipientInfos();
        Exception failed = new Exception("no recipient");
        for (RecipientInformation each : recipients) {
            Recipient recipient = key.getAlgorithm().startsWith("EC") ? new JceKeyAgreeEnvelopedRecipient(key).setProvider("BC")
                : authenticated ? new JceKeyTransAuthEnvelopedRecipient(key).setProvider("BC")
                : new JceKeyTransEnvelopedRecipient(key).setProvider("BC");
            try {
                return each.getContent(recipient);
            } catch (Exception error) {
                failed = error;
            }
        }
        throw failed;
    }

    static byte[] sign(String[] words) throws Exception {
        X509Certificate certificate = certificate(words[5]);
        ContentSigner signer = new JcaContentSignerBuilder(words[1]).setProvider("BC").build(key(words[4]));
        CMSSignedDataStreamGenerator generator = new CMSSignedDataStreamGenerator();
        generator.addSignerInfoGenerator(
            new JcaSignerInfoGeneratorBuilder(new JcaDigestCalculatorProviderBuilder().setProvider("BC").build())
                .build(signer, certificate));
        generator.addCertificates(new JcaCertStore(List.of(certificate)));
        ByteArrayOutputStream written = new ByteArrayOutputStream();
        OutputStream to = generator.open(written, false);
        to.write(read(words[2]));
        to.close();
        return written.toByteArray();
    }

    static byte[] verify(byte[] signature, byte[] content) throws Exception {
        CMSSignedData data = new CMSSignedData(new CMSProcessableByteArray(content), signature);
        for (SignerInformation signer : data.getSignerInfos()) {
            var holder = data.getCertificates().getMatches(signer.getSID()).iterator().next();
            var certificate = (org.bouncycastle.cert.X509CertificateHolder) holder;
            if (!signer.verify(new JcaSimpleSignerInfoVerifierBuilder().setProvider("BC").build(certificate))) {
                throw new Exception("the signature does not hold");
            }
        }
        return ("verified " + data.getSignerInfos().size()).getBytes();
    }

    static byte[] read(String file) throws Exception {
        return Files.readAllBytes(Path.of(file));
    }

    static X509Certificate certificate(String file) throws Exception {
        return (X509Certificate) CertificateFactory.getInstance("X.509").generateCertificate(new ByteArrayInputStream(read(file)));
    }

    static PrivateKey key(String file) throws Exception {
        try {
            return KeyFactory.getInstance("RSA", "BC").generatePrivate(new PKCS8EncodedKeySpec(read(file)));
        } catch (java.security.spec.InvalidKeySpecException other) {
            return KeyFactory.getInstance("EC", "BC").generatePrivate(new PKCS8EncodedKeySpec(read(file)));
        }
    }
}
